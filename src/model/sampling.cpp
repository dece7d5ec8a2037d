// model/sampling.cpp
#include "model/sampling.h"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <vector>

#include "base/require.h"

namespace isogloss {
namespace {

// Ids by falling score, as many as top_k leaves.
std::vector<std::int32_t> falling(std::span<float const> logits, std::int64_t top_k) {
    std::vector<std::int32_t> ids(logits.size());
    std::iota(ids.begin(), ids.end(), 0);
    auto const size = static_cast<std::int64_t>(ids.size());
    auto const kept = top_k > 0 ? std::min(top_k, size) : size;
    std::partial_sort(ids.begin(), ids.begin() + kept, ids.end(), [&](auto a, auto b) {
        auto const first = logits[static_cast<std::size_t>(a)];
        auto const second = logits[static_cast<std::size_t>(b)];
        return first != second ? first > second : a < b;
    });
    ids.resize(static_cast<std::size_t>(kept));
    return ids;
}

}  // namespace

std::int32_t sample_token(std::span<float const> logits, Sampling const& sampling, double uniform) {
    require(!logits.empty(), "sample_token: no scores");
    if (sampling.temperature <= 0.0F) {
        return static_cast<std::int32_t>(std::ranges::max_element(logits) - logits.begin());
    }
    auto const ids = falling(logits, sampling.top_k);
    auto const score = [&](std::int32_t id) {
        return static_cast<double>(logits[static_cast<std::size_t>(id)]);
    };
    std::vector<double> sums;  // of the likeliest so far, not yet divided by the whole
    for (auto const id : ids) {
        auto const e =
            std::exp((score(id) - score(ids.front())) / static_cast<double>(sampling.temperature));
        sums.push_back((sums.empty() ? 0.0 : sums.back()) + e);
    }
    auto const wanted = static_cast<double>(sampling.top_p) * sums.back();
    auto const last = std::min(std::ranges::lower_bound(sums, wanted), sums.end() - 1);
    auto const drawn = std::ranges::upper_bound(sums.begin(), last, uniform * *last);
    return ids[static_cast<std::size_t>(drawn - sums.begin())];
}

}  // namespace isogloss
