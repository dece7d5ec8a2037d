// comm/own_rows.h - what an exchange of rows does with those that a rank has for itself.
#pragma once

#include <cstdint>

namespace isogloss {

/// `skip` leaves their place in the result as it is, for callers who put them there themselves.
enum class OwnRows : std::uint8_t { copy, skip };

}  // namespace isogloss
