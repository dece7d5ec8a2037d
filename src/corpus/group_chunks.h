// corpus/group_chunks.h - rows in runs of one language group: DMoE's stream of training data.
#pragma once

#include <cstdint>
#include <vector>

#include "corpus/mixture.h"

namespace isogloss {

struct GroupChunksConfig {
    std::vector<std::vector<double>> weights;  ///< [G][L] shares inside a group, 0: not of it
    std::vector<std::int64_t> lengths;         ///< [G] len_g, rows of a group's text, >= 0
    std::vector<std::int64_t> tokens;          ///< [L] length of each language's stream
    std::int64_t row_length = 0;               ///< T
    std::int64_t rows = 0;                     ///< of one step, over all ranks
    std::int64_t chunk_rows = 64;              ///< C, consecutive rows of one group
    std::uint64_t seed = 0;
};

/// The order of all data, for ever, from (seed, step, row) alone.
///
/// A list names group g floor(len_g / C) + 1 times and is shuffled once. Chunk c, of C rows, is of
/// group list[c mod M], M the length of the list; row r of step s is row s rows + r of the chunks
/// laid end to end. The rows of a group, chunk after chunk, are a Mixture of its languages: no
/// token of a language comes twice before every other came once. (DMoE's
/// MultilingualConstantLengthDataset, but for the generator of the shuffle, and that a group's text
/// goes on where the released stream begins again with the same rows.)
class GroupChunks {
public:
    /// @throws Error  (usage) when a group has no language of weight > 0, or such a language fewer
    ///         than 2 tokens
    explicit GroupChunks(GroupChunksConfig config);

    /// May be called from several threads.
    /// @param step  >= 0
    /// @param row   in [0, rows)
    [[nodiscard]] Draw draw(std::int64_t step, std::int64_t row) const;
    /// Group that the row is of, in [0, G).
    [[nodiscard]] std::int32_t group(std::int64_t step, std::int64_t row) const;

    /// M, chunks of one round of the list.
    [[nodiscard]] std::int64_t chunks() const { return static_cast<std::int64_t>(list_.size()); }
    /// Times group g stands in the list: floor(len_g / C) + 1.
    [[nodiscard]] std::int64_t chunks_of(std::int32_t group) const;
    /// Rows of group g among the run's first `rows` rows: exact.
    [[nodiscard]] std::int64_t rows_of(std::int32_t group, std::int64_t rows) const;
    /// [L] rows of each language among the run's first `rows` rows: its group's, by its share.
    [[nodiscard]] std::vector<double> planned_rows(std::int64_t rows) const;
    [[nodiscard]] GroupChunksConfig const& config() const { return config_; }

private:
    struct Entry {
        std::int32_t group = 0;
        std::int64_t place = 0;  ///< earlier entries of the same group
    };
    [[nodiscard]] std::int64_t index_of(std::int64_t step, std::int64_t row) const;

    GroupChunksConfig config_;
    std::vector<Entry> list_;       ///< [M]
    std::vector<Mixture> streams_;  ///< [G] draw k of it is row k of the group
};

}  // namespace isogloss
