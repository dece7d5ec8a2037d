// corpus/group_chunks.cpp
#include "corpus/group_chunks.h"

#include <algorithm>
#include <numeric>

#include "base/random.h"
#include "base/require.h"

namespace isogloss {
namespace {

constexpr char const* kListStream = "group-chunks/list";
constexpr char const* kGroupStream = "group-chunks/group";

// Rows of the group one after the other: a mixture whose steps have one row. Each group has its own
// seed, so that groups of equal shares do not take turns alike.
Mixture stream_of(GroupChunksConfig const& config, std::size_t group) {
    MixtureConfig mixture;
    mixture.weights = config.weights[group];
    mixture.tokens = config.tokens;
    mixture.row_length = config.row_length;
    mixture.rows = 1;
    mixture.seed = random_bits(config.seed, random_stream(kGroupStream), group);
    return Mixture(std::move(mixture));
}

}  // namespace

GroupChunks::GroupChunks(GroupChunksConfig config) : config_(std::move(config)) {
    require(
        config_.weights.size() == config_.lengths.size() && config_.rows > 0 &&
            config_.chunk_rows > 0,
        "{} groups, {} lengths, {} rows a step, {} rows a chunk", config_.weights.size(),
        config_.lengths.size(), config_.rows, config_.chunk_rows
    );
    require_usage(!config_.weights.empty(), "there is no language group to train on");
    std::vector<std::int64_t> ends;
    std::int64_t size = 0;
    for (std::size_t g = 0; g < config_.weights.size(); ++g) {
        require(config_.lengths[g] >= 0, "group {} has {} rows", g, config_.lengths[g]);
        streams_.push_back(stream_of(config_, g));
        size += chunks_of(static_cast<std::int32_t>(g));
        ends.push_back(size);
    }
    std::vector<std::int64_t> seen(ends.size(), 0);
    auto const stream = random_stream(kListStream);
    list_.reserve(static_cast<std::size_t>(size));
    for (std::int64_t i = 0; i < size; ++i) {
        auto const ticket = random_permutation(config_.seed, stream, size, i);
        auto const group = std::ranges::upper_bound(ends, ticket) - ends.begin();
        auto& place = seen[static_cast<std::size_t>(group)];
        list_.push_back({static_cast<std::int32_t>(group), place++});
    }
}

std::int64_t GroupChunks::chunks_of(std::int32_t group) const {
    return config_.lengths.at(static_cast<std::size_t>(group)) / config_.chunk_rows + 1;
}

std::int64_t GroupChunks::rows_of(std::int32_t group, std::int64_t rows) const {
    auto const round = chunks() * config_.chunk_rows;
    auto count = rows / round * chunks_of(group) * config_.chunk_rows;
    auto left = rows % round;
    for (std::size_t i = 0; left > 0; ++i) {
        auto const taken = std::min(left, config_.chunk_rows);
        count += list_[i].group == group ? taken : 0;
        left -= taken;
    }
    return count;
}

std::vector<double> GroupChunks::planned_rows(std::int64_t rows) const {
    std::vector<double> planned(config_.tokens.size(), 0.0);
    for (std::size_t group = 0; group < streams_.size(); ++group) {
        auto const of_group =
            streams_[group].planned_rows(rows_of(static_cast<std::int32_t>(group), rows));
        for (std::size_t language = 0; language < planned.size(); ++language) {
            planned[language] += of_group[language];
        }
    }
    return planned;
}

std::int64_t GroupChunks::index_of(std::int64_t step, std::int64_t row) const {
    require(
        step >= 0 && 0 <= row && row < config_.rows, "row {} of {} of step {}", row, config_.rows,
        step
    );
    return step * config_.rows + row;
}

std::int32_t GroupChunks::group(std::int64_t step, std::int64_t row) const {
    auto const chunk = index_of(step, row) / config_.chunk_rows;
    return list_[static_cast<std::size_t>(chunk % chunks())].group;
}

Draw GroupChunks::draw(std::int64_t step, std::int64_t row) const {
    auto const index = index_of(step, row);
    auto const chunk = index / config_.chunk_rows;
    auto const& entry = list_[static_cast<std::size_t>(chunk % chunks())];
    auto const earlier = chunk / chunks() * chunks_of(entry.group) + entry.place;
    return streams_[static_cast<std::size_t>(entry.group)].draw(
        earlier * config_.chunk_rows + index % config_.chunk_rows, 0
    );
}

}  // namespace isogloss
