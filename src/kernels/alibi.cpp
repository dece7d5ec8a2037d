// kernels/alibi.cpp
#include "kernels/alibi.h"

#include <bit>
#include <cmath>

namespace isogloss {
namespace {

// Of head `head`, 1 first, of `heads`, a power of two.
float slope(std::int64_t head, std::int64_t heads) {
    return static_cast<float>(
        std::exp2(-8.0 * static_cast<double>(head) / static_cast<double>(heads))
    );
}

}  // namespace

std::vector<float> alibi_slopes(std::int64_t heads) {
    auto const power = static_cast<std::int64_t>(std::bit_floor(static_cast<std::uint64_t>(heads)));
    std::vector<float> slopes;
    for (std::int64_t h = 1; h <= power; ++h) {
        slopes.push_back(slope(h, power));
    }
    for (std::int64_t h = 1; static_cast<std::int64_t>(slopes.size()) < heads; h += 2) {
        slopes.push_back(slope(h, 2 * power));
    }
    return slopes;
}

}  // namespace isogloss
