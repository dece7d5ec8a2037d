// model/update_share.h - how much of a GPU an update takes beside a forward pass.
#pragma once

#include <cstdint>

namespace isogloss {

/// How many of a GPU's `multiprocessors` an update that reads and writes `bytes` should take so
/// that it ends with a forward pass of `flops` operations on the others; 0 where doing one after
/// the other is faster. A multiple of 4, because products leave some idle of what is left
/// otherwise (docs/numbers.md).
std::int32_t multiprocessors_of_update(double bytes, double flops, std::int32_t multiprocessors);

}  // namespace isogloss
