// kernels/write.h - replace or add.
#pragma once

#include <cstdint>

namespace isogloss {

/// What an operation does with what is in its result already.
enum class Write : std::uint8_t { replace, add };

}  // namespace isogloss
