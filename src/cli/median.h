// cli/median.h - the middle one of several measurements.
#pragma once

#include <algorithm>
#include <vector>

namespace isogloss {

/// The upper one where their number is even; there must be one.
inline double median(std::vector<double> values) {
    std::ranges::sort(values);
    return values[values.size() / 2];
}

}  // namespace isogloss
