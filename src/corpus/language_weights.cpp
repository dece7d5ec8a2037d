// corpus/language_weights.cpp
#include "corpus/language_weights.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "base/require.h"

namespace isogloss {

double sum_of_weights(std::span<double const> weights) {
    double sum = 0.0;
    for (auto const weight : weights) {
        require_usage(
            std::isfinite(weight) && weight >= 0.0, "a language's weight is {}; weights are >= 0",
            weight
        );
        sum += weight;
    }
    require_usage(sum > 0.0, "no language has a weight above 0");
    return sum;
}

namespace {

// sizes^exponent, scaled to a sum of 1; a size of 0 stays 0.
std::vector<double> powers(std::span<double const> sizes, double exponent) {
    std::vector<double> weights;
    for (auto const size : sizes) {
        require(size >= 0.0, "a language has the size {}", size);
        weights.push_back(size == 0.0 ? 0.0 : std::pow(size, exponent));
    }
    auto const sum = sum_of_weights(weights);
    for (auto& weight : weights) {
        weight /= sum;
    }
    return weights;
}

}  // namespace

std::vector<double> temperature_weights(std::span<std::int64_t const> tokens, double temperature) {
    require_usage(
        temperature > 0.0, "the temperature is {}; it must be above 0 (1: by size, large: even)",
        temperature
    );
    std::vector<double> sizes(tokens.begin(), tokens.end());
    return powers(sizes, 1 / temperature);
}

std::vector<double> power_weights(std::span<double const> sizes, double alpha) {
    require_usage(
        0.0 <= alpha && alpha <= 1.0, "alpha is {}; it must lie in [0, 1] (1: by size, 0: even)",
        alpha
    );
    return powers(sizes, alpha);
}

std::vector<double> unimax_weights(std::span<double const> sizes, double rows, double epochs) {
    require_usage(
        rows > 0.0 && epochs > 0.0, "{} rows and at most {} epochs; both must be above 0", rows,
        epochs
    );
    sum_of_weights(sizes);
    std::vector<std::size_t> order(sizes.size());
    std::iota(order.begin(), order.end(), std::size_t{0});
    std::erase_if(order, [&](std::size_t language) { return sizes[language] == 0.0; });
    std::ranges::stable_sort(order, {}, [&](std::size_t language) { return sizes[language]; });
    std::vector<double> weights(sizes.size(), 0.0);
    double left = rows;
    for (std::size_t i = 0; i < order.size(); ++i) {
        auto const even = left / static_cast<double>(order.size() - i);
        weights[order[i]] = std::min(even, epochs * sizes[order[i]]);
        left -= weights[order[i]];
    }
    auto const sum = sum_of_weights(weights);
    for (auto& weight : weights) {
        weight /= sum;
    }
    return weights;
}

std::vector<double> replay_weights(
    std::span<double const> weights, std::span<std::uint8_t const> old, double share
) {
    require(weights.size() == old.size(), "{} weights, {} marks", weights.size(), old.size());
    require_usage(0.0 <= share && share <= 1.0, "the replay share is {}, not in [0, 1]", share);
    sum_of_weights(weights);
    double old_sum = 0.0;
    double new_sum = 0.0;
    for (std::size_t i = 0; i < weights.size(); ++i) {
        (old[i] != 0 ? old_sum : new_sum) += weights[i];
    }
    require_usage(
        old_sum > 0.0 || share == 0.0, "a replay share of {} needs old languages with text", share
    );
    require_usage(
        new_sum > 0.0 || share == 1.0, "a replay share of {} needs new languages with text", share
    );
    std::vector<double> result;
    for (std::size_t i = 0; i < weights.size(); ++i) {
        auto const side = old[i] != 0 ? share : 1.0 - share;
        auto const sum = old[i] != 0 ? old_sum : new_sum;
        result.push_back(side == 0.0 ? 0.0 : side * weights[i] / sum);
    }
    return result;
}

}  // namespace isogloss
