// growth/allocation.cpp
#include "growth/allocation.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "base/require.h"
#include "growth/expansion_plan.h"
#include "growth/measurement.h"

namespace isogloss {
namespace {

void check_budget(std::size_t layers, std::int64_t budget, std::int32_t minimum) {
    auto const count = static_cast<std::int64_t>(layers);
    require_usage(minimum >= 1, "minimum = {}: a layer has at least 1 expert", minimum);
    require_usage(
        budget >= count * minimum,
        "budget = {}: is under {} experts, {} for each of {} layers (the original one counts); "
        "give at least {}{}",
        budget, count * minimum, minimum, count, count * minimum,
        minimum > 1 ? ", or a lower minimum" : ""
    );
    require_usage(
        budget <= count * kMostExperts, "budget = {}: is above {}, {} for each of {} layers",
        budget, count * kMostExperts, kMostExperts, count
    );
}

/// (1/S_l) / (sum over j of 1/S_j), over the layers of `among`.
double sum_of_inverses(std::span<double const> similarity, std::span<std::size_t const> among) {
    double sum = 0.0;
    for (auto const layer : among) {
        sum += 1.0 / similarity[layer];
    }
    return sum;
}

std::vector<std::size_t> all_of(std::span<double const> similarity) {
    std::vector<std::size_t> layers(similarity.size());
    std::iota(layers.begin(), layers.end(), std::size_t{0});
    return layers;
}

/// Takes out of `open` the layers whose share of `left` is below the minimum. True if there were
/// any.
bool settle_low_shares(
    std::span<double const> similarity,
    std::vector<std::size_t>& open,
    std::int64_t& left,
    std::int32_t minimum
) {
    auto const sum = sum_of_inverses(similarity, open);
    auto const budget = static_cast<double>(left);
    auto const settled = std::erase_if(open, [&](std::size_t layer) {
        return 1.0 / similarity[layer] / sum * budget < minimum;
    });
    left -= static_cast<std::int64_t>(settled) * minimum;
    return settled > 0;
}

}  // namespace

std::vector<double> layer_similarity_from_json(Json const& value, std::string const& where) {
    require_data(
        value.is_array() || (value.is_object() && value.contains("similarity")),
        "{}: the key \"similarity\", a list of one number a layer, is missing", where
    );
    auto const similarity =
        finite_numbers(value.is_array() ? value : value["similarity"], where, "layer");
    for (std::size_t layer = 0; layer < similarity.size(); ++layer) {
        require_data(
            similarity[layer] > 0.0 && std::isfinite(1.0 / similarity[layer]),
            "{}, layer {}: a similarity of {} has no share (1/S); it must be above 0: measure it "
            "on more tokens",
            where, layer, similarity[layer]
        );
    }
    return similarity;
}

std::vector<std::int32_t> allocate_by_ceiling(
    std::span<double const> similarity, std::int64_t budget, std::int32_t minimum
) {
    check_budget(similarity.size(), budget, minimum);
    auto const sum = sum_of_inverses(similarity, all_of(similarity));
    std::vector<std::int32_t> experts;
    for (auto const value : similarity) {
        auto const share = 1.0 / value / sum * static_cast<double>(budget);
        experts.push_back(std::max(minimum, static_cast<std::int32_t>(std::ceil(share))));
    }
    return experts;
}

std::vector<std::int32_t> allocate_exactly(
    std::span<double const> similarity, std::int64_t budget, std::int32_t minimum
) {
    check_budget(similarity.size(), budget, minimum);
    std::vector<std::int32_t> experts(similarity.size(), minimum);
    auto open = all_of(similarity);
    auto left = budget;
    while (settle_low_shares(similarity, open, left, minimum)) {
    }
    auto const sum = sum_of_inverses(similarity, open);
    std::vector<double> fraction(similarity.size());
    auto rest = left;
    for (auto const layer : open) {
        auto const share = 1.0 / similarity[layer] / sum * static_cast<double>(left);
        experts[layer] = static_cast<std::int32_t>(share);
        fraction[layer] = share - experts[layer];
        rest -= experts[layer];
    }
    std::ranges::stable_sort(open, [&](std::size_t a, std::size_t b) {
        return fraction[a] > fraction[b];
    });
    require(
        rest >= 0 && rest <= static_cast<std::int64_t>(open.size()),
        "{} experts are left for {} layers", rest, open.size()
    );
    for (std::size_t i = 0; i < static_cast<std::size_t>(rest); ++i) {
        ++experts[open[i]];
    }
    return experts;
}

}  // namespace isogloss
