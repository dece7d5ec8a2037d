// corpus/mixture.cpp
#include "corpus/mixture.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <mutex>
#include <numeric>
#include <utility>

#include "base/math.h"
#include "base/random.h"
#include "base/require.h"
#include "corpus/language_weights.h"
#include "corpus/windows.h"

namespace isogloss {
namespace {

// Shares are whole numbers, so that every machine lays out the same rows: kRows / kBlock blocks of
// at most kBlock 2^24 units stay below 2^63.
constexpr unsigned kFraction = 24;
constexpr std::int64_t kUnit = std::int64_t{1} << kFraction;

// A stream of random numbers for (purpose, language, epoch).
std::uint64_t stream_of(std::uint64_t purpose, std::int64_t language, std::int64_t epoch) {
    auto const both =
        static_cast<std::uint64_t>(language) << 40U ^ static_cast<std::uint64_t>(epoch);
    return random_bits(purpose, 0, both);
}

std::uint64_t block_stream() {
    static auto const stream = random_stream("mixture/block");
    return stream;
}
std::uint64_t window_stream() {
    static auto const stream = random_stream("mixture/window");
    return stream;
}

// Fisher and Yates, with numbers of a counter.
template <class T>
void shuffle(std::vector<T>& values, std::uint64_t seed, std::uint64_t stream) {
    for (auto left = values.size(); left > 1; --left) {
        std::swap(values[left - 1], values[random_bits(seed, stream, left) % left]);
    }
}

}  // namespace

// A block is a table, as counting a language's draws before one needs all of them. Two are kept:
// threads that are a few steps apart may stand on both sides of a border.
struct Mixture::Blocks {
    struct Block {
        std::int64_t begin = 0;
        std::int64_t end = 0;
        std::vector<Turn> turns;
    };
    std::mutex mutex;
    std::array<Block, 2> kept;
};

Mixture::~Mixture() = default;
Mixture::Mixture(Mixture&&) noexcept = default;
Mixture& Mixture::operator=(Mixture&&) noexcept = default;

Mixture::Mixture(MixtureConfig config)
    : config_(std::move(config)), blocks_(std::make_unique<Blocks>()) {
    auto const& weights = config_.weights;
    require(
        weights.size() == config_.tokens.size() && config_.row_length > 0 && config_.rows > 0,
        "a mixture of {} weights, {} streams, rows of {} tokens, {} rows a step", weights.size(),
        config_.tokens.size(), config_.row_length, config_.rows
    );
    auto const sum = sum_of_weights(weights);
    auto const phases = random_stream("mixture/phase");
    for (std::size_t i = 0; i < weights.size(); ++i) {
        require_usage(
            weights[i] == 0.0 || config_.tokens[i] >= 2,
            "language {} has weight {} but {} tokens in the training split", i, weights[i],
            config_.tokens[i]
        );
        auto const quota = std::llround(weights[i] / sum * static_cast<double>(kBlock * kUnit));
        quota_.push_back(std::max<std::int64_t>(quota, weights[i] > 0.0 ? 1 : 0));
        auto const phase = random_bits(config_.seed, phases, i) % static_cast<std::uint64_t>(kUnit);
        phase_.push_back(static_cast<std::int64_t>(phase));
    }
    quotas_ = std::accumulate(quota_.begin(), quota_.end(), std::int64_t{0});
}

double Mixture::share(std::int32_t language) const {
    return static_cast<double>(quota_[index(language)]) / static_cast<double>(quotas_);
}

std::vector<double> Mixture::planned_rows(std::int64_t rows) const {
    std::vector<double> planned;
    for (std::int32_t language = 0; index(language) < quota_.size(); ++language) {
        planned.push_back(static_cast<double>(rows) * share(language));
    }
    return planned;
}

// Draws of a language in all blocks before `block`.
std::int64_t Mixture::drawn(std::size_t language, std::int64_t block) const {
    return (block * quota_[language] + phase_[language]) >> kFraction;
}

std::int64_t Mixture::begin_of(std::int64_t block) const {
    std::int64_t begin = 0;
    for (std::size_t language = 0; language < quota_.size(); ++language) {
        begin += drawn(language, block);
    }
    return begin;
}

std::int64_t Mixture::block_of(std::int64_t draw) const {
    auto block = draw / kBlock;  // off by what rounding adds up to
    while (begin_of(block) > draw) {
        --block;
    }
    while (begin_of(block + 1) <= draw) {
        ++block;
    }
    return block;
}

std::vector<Mixture::Turn> Mixture::turns_of(std::int64_t block) const {
    std::vector<std::int32_t> languages;
    std::vector<std::int64_t> place;
    for (std::size_t language = 0; language < quota_.size(); ++language) {
        place.push_back(drawn(language, block));
        auto const count = drawn(language, block + 1) - place.back();
        languages.insert(
            languages.end(), static_cast<std::size_t>(count), static_cast<std::int32_t>(language)
        );
    }
    shuffle(languages, config_.seed, stream_of(block_stream(), 0, block));
    std::vector<Turn> turns;
    turns.reserve(languages.size());
    for (auto const language : languages) {
        turns.push_back({language, place[index(language)]++});
    }
    return turns;
}

Mixture::Turn Mixture::turn(std::int64_t draw) const {
    std::scoped_lock const lock(blocks_->mutex);
    auto const holds = [draw](auto const& block) {
        return block.begin <= draw && draw < block.end;
    };
    auto found = std::ranges::find_if(blocks_->kept, holds);
    if (found == blocks_->kept.end()) {
        auto const block = block_of(draw);
        found = blocks_->kept.begin() + block % 2;
        *found = {begin_of(block), begin_of(block + 1), turns_of(block)};
    }
    return found->turns[index(draw - found->begin)];
}

Draw Mixture::draw(std::int64_t step, std::int64_t row) const {
    require(
        step >= 0 && 0 <= row && row < config_.rows && step < kRows / config_.rows,
        "row {} of {} of step {}", row, config_.rows, step
    );
    auto const mine = turn(step * config_.rows + row);
    Windows const windows{config_.tokens[index(mine.language)], config_.row_length};
    Draw draw;
    draw.language = mine.language;
    draw.epoch = windows.epoch_of(mine.place);
    auto const before = windows.before(draw.epoch);
    draw.window = random_permutation(
        config_.seed, stream_of(window_stream(), draw.language, draw.epoch),
        windows.before(draw.epoch + 1) - before, mine.place - before
    );
    draw.first = windows.first(before + draw.window);
    return draw;
}

}  // namespace isogloss
