// comm/stretch.h - a part of a longer run of elements that ranks share out evenly.
#pragma once

#include <algorithm>
#include <cstdint>

#include "base/math.h"

namespace isogloss {

/// Where `size` elements lie in a run of `whole`, of which rank r has even_part(whole, ranks, r).
struct Stretch {
    std::int64_t begin = 0;
    std::int64_t size = 0;
    std::int64_t whole = 0;

    /// The elements of rank r among these, counted from the first of these.
    [[nodiscard]] Range of_rank(int ranks, int rank) const {
        auto const its = even_part(whole, ranks, rank);
        return {
            std::clamp(its.begin - begin, std::int64_t{0}, size),
            std::clamp(its.end - begin, std::int64_t{0}, size)};
    }
};

}  // namespace isogloss
