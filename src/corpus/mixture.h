// corpus/mixture.h - which tokens row r of step s holds: a pure function, so data has no state.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

namespace isogloss {

struct MixtureConfig {
    std::vector<double> weights;       ///< [L] shares of the rows, any scale, not negative
    std::vector<std::int64_t> tokens;  ///< [L] n, length of each language's stream
    std::int64_t row_length = 0;       ///< T
    std::int64_t rows = 0;             ///< of one step, over all ranks
    std::uint64_t seed = 0;
};

/// Where a row's tokens are.
struct Draw {
    std::int32_t language = 0;
    std::int64_t epoch = 0;   ///< how often the language's stream was used up before
    std::int64_t window = 0;  ///< which of the epoch's windows, in the order of the stream
    std::int64_t first = 0;   ///< index in the stream of the row's first token
};

/// The order of all data, for ever, from (seed, step, row) alone: nothing to save, and the same
/// global batch on any number of ranks.
///
/// Row r of step s is draw g = s rows + r. Draws come in blocks of about kBlock. The first b blocks
/// hold floor(b kBlock w_l + u_l) draws of language l, w_l its share and u_l a uniform of its own:
/// within one draw of the plan at each block's end, however rare the language. Inside a block the
/// draws are in random order. A language's draws, in the order of g, take its windows (windows.h)
/// epoch by epoch, those of an epoch in a random permutation.
class Mixture {
public:
    static constexpr std::int64_t kBlock = 4096;
    static constexpr std::int64_t kRows = std::int64_t{1} << 38U;  ///< at most, of a run

    /// @throws Error  (usage) naming the language (by index) that has weight but fewer than 2
    /// tokens
    explicit Mixture(MixtureConfig config);
    ~Mixture();
    Mixture(Mixture&&) noexcept;
    Mixture& operator=(Mixture&&) noexcept;

    /// May be called from several threads.
    /// @param step  >= 0, with step rows + row < kRows
    /// @param row   in [0, rows)
    [[nodiscard]] Draw draw(std::int64_t step, std::int64_t row) const;

    /// w_l, to 2^-36.
    [[nodiscard]] double share(std::int32_t language) const;
    /// [L] rows w_l: what the first `rows` draws come to, within sampling error.
    [[nodiscard]] std::vector<double> planned_rows(std::int64_t rows) const;
    [[nodiscard]] MixtureConfig const& config() const { return config_; }

private:
    struct Blocks;
    struct Turn {
        std::int32_t language = 0;
        std::int64_t place = 0;  ///< among all draws of the language
    };
    [[nodiscard]] Turn turn(std::int64_t index) const;
    [[nodiscard]] std::int64_t drawn(std::size_t language, std::int64_t block) const;
    [[nodiscard]] std::int64_t begin_of(std::int64_t block) const;
    [[nodiscard]] std::int64_t block_of(std::int64_t index) const;
    [[nodiscard]] std::vector<Turn> turns_of(std::int64_t block) const;

    MixtureConfig config_;
    std::vector<std::int64_t> quota_;  ///< [L] draws of a block, in units of 2^-kFraction
    std::vector<std::int64_t> phase_;  ///< [L] u_l, in the same units
    std::int64_t quotas_ = 0;          ///< sum of quota_
    std::unique_ptr<Blocks> blocks_;   ///< those last used; guarded inside
};

}  // namespace isogloss
