// corpus/share_out.cpp
#include "corpus/share_out.h"

#include <algorithm>
#include <numeric>

namespace isogloss {

std::vector<int> share_out(std::vector<std::int64_t> const& sizes, int ranks) {
    std::vector<std::size_t> order(sizes.size());
    std::iota(order.begin(), order.end(), std::size_t{0});
    std::ranges::stable_sort(order, [&](auto a, auto b) { return sizes[a] > sizes[b]; });
    std::vector<std::int64_t> load(static_cast<std::size_t>(ranks), 0);
    std::vector<int> rank_of(sizes.size());
    for (auto const task : order) {
        auto const least = std::ranges::min_element(load);
        *least += sizes[task];
        rank_of[task] = static_cast<int>(least - load.begin());
    }
    return rank_of;
}

}  // namespace isogloss
