// corpus/mixture.cpp
#include "corpus/mixture.h"

#include <algorithm>
#include <cmath>
#include <mutex>
#include <numeric>

#include "base/random.h"
#include "base/require.h"

namespace isogloss {
namespace {

constexpr char const* kBlockStream = "mixture/block";
constexpr char const* kWindowStream = "mixture/window";
constexpr char const* kOffsetStream = "mixture/offset";

std::size_t at(std::int32_t language) {
    return static_cast<std::size_t>(language);
}

// A stream number for (purpose, language, epoch): each has its own permutation.
std::uint64_t stream_of(char const* purpose, std::int32_t language, std::int64_t epoch) {
    auto const both =
        static_cast<std::uint64_t>(language) << 40U ^ static_cast<std::uint64_t>(epoch);
    return random_bits(random_stream(purpose), 0, both);
}

double checked_sum(std::span<double const> weights) {
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

// sizes^exponent, scaled to a sum of 1; a size of 0 stays 0.
std::vector<double> powers(std::span<double const> sizes, double exponent) {
    std::vector<double> weights;
    for (auto const size : sizes) {
        require(size >= 0.0, "a language has the size {}", size);
        weights.push_back(size == 0.0 ? 0.0 : std::pow(size, exponent));
    }
    auto const sum = checked_sum(weights);
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

std::vector<double> replay_weights(
    std::span<double const> weights, std::span<std::uint8_t const> old, double share
) {
    require(weights.size() == old.size(), "{} weights, {} marks", weights.size(), old.size());
    require_usage(0.0 <= share && share <= 1.0, "the replay share is {}, not in [0, 1]", share);
    checked_sum(weights);
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

std::vector<std::int64_t> largest_remainder(std::span<double const> weights, std::int64_t total) {
    auto const sum = checked_sum(weights);
    std::vector<std::int64_t> counts;
    std::vector<std::pair<double, std::size_t>> remainders;  // largest first, then lower index
    std::int64_t left = total;
    for (std::size_t i = 0; i < weights.size(); ++i) {
        auto const exact = weights[i] / sum * static_cast<double>(total);
        auto const least = weights[i] > 0.0 ? std::int64_t{1} : std::int64_t{0};
        counts.push_back(std::max(least, static_cast<std::int64_t>(exact)));
        left -= counts.back();
        remainders.emplace_back(static_cast<double>(counts.back()) - exact, i);
    }
    std::ranges::sort(remainders);
    for (std::size_t i = 0; left > 0; i = (i + 1) % remainders.size()) {
        auto const language = remainders[i].second;
        if (weights[language] > 0.0) {
            ++counts[language];
            --left;
        }
    }
    while (left < 0) {  // small languages were lifted to 1: the largest give
        auto const largest = std::ranges::max_element(counts);
        require(*largest > 1, "{} rows cannot hold {} languages", total, weights.size());
        --*largest;
        ++left;
    }
    return counts;
}

struct Mixture::Block {
    std::mutex mutex;
    std::int64_t number = -1;
    std::vector<Turn> turns;
};

Mixture::~Mixture() = default;
Mixture::Mixture(Mixture&&) noexcept = default;
Mixture& Mixture::operator=(Mixture&&) noexcept = default;

Mixture::Mixture(MixtureConfig config)
    : config_(std::move(config)), block_(std::make_unique<Block>()) {
    auto const& weights = config_.weights;
    require(
        weights.size() == config_.tokens.size() && config_.row_length > 0 && config_.rows > 0,
        "a mixture of {} weights, {} streams, rows of {} tokens, {} rows a step", weights.size(),
        config_.tokens.size(), config_.row_length, config_.rows
    );
    for (std::size_t i = 0; i < weights.size(); ++i) {
        require_usage(
            weights[i] == 0.0 || config_.tokens[i] >= 2,
            "language {} has weight {} but {} tokens in the training split", i, weights[i],
            config_.tokens[i]
        );
    }
    counts_ = largest_remainder(weights, kBlock);
    ends_.resize(counts_.size());
    std::partial_sum(counts_.begin(), counts_.end(), ends_.begin());
}

std::int64_t Mixture::windows(std::int32_t language) const {
    return std::max(std::int64_t{1}, (config_.tokens[at(language)] - 1) / config_.row_length);
}

double Mixture::share(std::int32_t language) const {
    return static_cast<double>(counts_[at(language)]) / static_cast<double>(kBlock);
}

std::vector<Mixture::Turn> Mixture::turns_of(std::int64_t block) const {
    auto const stream = stream_of(kBlockStream, 0, block);
    std::vector<std::int32_t> seen(counts_.size(), 0);
    std::vector<Turn> turns;
    for (std::int64_t index = 0; index < kBlock; ++index) {
        auto const ticket = random_permutation(config_.seed, stream, kBlock, index);
        auto const language = std::ranges::upper_bound(ends_, ticket) - ends_.begin();
        auto& place = seen[static_cast<std::size_t>(language)];
        turns.push_back({static_cast<std::int32_t>(language), place++});
    }
    return turns;
}

Mixture::Turn Mixture::turn(std::int64_t index) const {
    std::scoped_lock const lock(block_->mutex);
    if (block_->number != index / kBlock) {
        block_->number = index / kBlock;
        block_->turns = turns_of(block_->number);
    }
    return block_->turns[static_cast<std::size_t>(index % kBlock)];
}

Draw Mixture::draw(std::int64_t step, std::int64_t row) const {
    require(
        step >= 0 && 0 <= row && row < config_.rows, "row {} of {} of step {}", row, config_.rows,
        step
    );
    auto const index = step * config_.rows + row;
    auto const mine = turn(index);

    Draw draw;
    draw.language = mine.language;
    auto const drawn = index / kBlock * counts_[at(mine.language)] + mine.place;
    auto const size = windows(draw.language);
    draw.epoch = drawn / size;
    draw.window = random_permutation(
        config_.seed, stream_of(kWindowStream, draw.language, draw.epoch), size, drawn % size
    );
    auto const spare = config_.tokens[at(draw.language)] - 1 - size * config_.row_length;
    if (spare > 0) {
        auto const offset_stream = stream_of(kOffsetStream, draw.language, draw.epoch);
        auto const uniform = random_uniform(config_.seed, offset_stream, 0);
        draw.first = static_cast<std::int64_t>(uniform * static_cast<double>(spare + 1));
    }
    draw.first += draw.window * config_.row_length;
    return draw;
}

}  // namespace isogloss
