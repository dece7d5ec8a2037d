// corpus/mixture.h - which tokens row r of step s holds: a pure function, so data has no state.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <vector>

namespace isogloss {

/// w_l = n_l^(1/temperature) / sum over languages: 1 gives each language its size, large values
/// make all equal (Arivazhagan et al. 2019, arXiv:1907.05019, section 4.1).
/// @param tokens       [L] n_l >= 0; a language of 0 gets weight 0
/// @param temperature  > 0
/// @throws Error  (usage)
std::vector<double> temperature_weights(std::span<std::int64_t const> tokens, double temperature);

/// w_l = s_l^alpha / sum over languages: sampling by size, flattened (DMoE: bytes of text, alpha
/// 0.3).
/// @param sizes  [L] s_l >= 0; a language of 0 gets weight 0
/// @param alpha  in [0, 1]; 0 makes all equal
/// @throws Error  (usage)
std::vector<double> power_weights(std::span<double const> sizes, double alpha);

/// Gives the languages marked old together the share `share` in [0, 1], the others the rest, and
/// keeps the proportions inside both.
/// @param weights  [L] not negative
/// @param old      [L] not 0: an old language
/// @throws Error  (usage) when a side that should have a share has no weight
std::vector<double> replay_weights(
    std::span<double const> weights, std::span<std::uint8_t const> old, double share
);

/// Counts that sum to `total` and follow the weights: floor of each share, the rest to the largest
/// remainders (ties to the lower index); a language of weight > 0 gets at least 1.
/// @param weights  [L] not negative, at least one > 0, at most `total` of them
std::vector<std::int64_t> largest_remainder(std::span<double const> weights, std::int64_t total);

struct MixtureConfig {
    std::vector<double> weights;       ///< [L] shares of the rows, any scale, not negative
    std::vector<std::int64_t> tokens;  ///< [L] length of each language's stream
    std::int64_t row_length = 0;       ///< T
    std::int64_t rows = 0;             ///< of one step, over all ranks
    std::uint64_t seed = 0;
};

/// Where a row's tokens are.
struct Draw {
    std::int32_t language = 0;
    std::int64_t epoch = 0;   ///< how often the language's stream was used up before
    std::int64_t window = 0;  ///< which window of it, in [0, windows(language))
    std::int64_t first = 0;   ///< index in the stream of the row's first token
};

/// The order of all data, for ever, from (seed, step, row) alone: nothing to save, and the same
/// global batch on any number of ranks.
///
/// Row r of step s is draw g = s rows + r. Draws come in blocks of kBlock, in which every language
/// has a fixed count (largest remainder of its weight); a random permutation of the block says
/// which draw is whose. The k-th draw of a language, in the order of g, is window p(k mod W) of
/// epoch k / W, where W is the number of its windows and p a random permutation of them: no window
/// comes twice before every other came once. Windows start at multiples of T, moved in each epoch
/// by a random part of the tokens that would otherwise be left over at the end.
class Mixture {
public:
    static constexpr std::int64_t kBlock = 65536;

    /// @throws Error  (usage) naming the language (by index) that has weight but fewer than 2
    /// tokens
    explicit Mixture(MixtureConfig config);
    ~Mixture();
    Mixture(Mixture&&) noexcept;
    Mixture& operator=(Mixture&&) noexcept;

    /// May be called from several threads.
    /// @param step  >= 0
    /// @param row   in [0, rows)
    [[nodiscard]] Draw draw(std::int64_t step, std::int64_t row) const;

    /// W = max(1, floor((n - 1) / T)); a stream shorter than T + 1 has one window, padded.
    [[nodiscard]] std::int64_t windows(std::int32_t language) const;
    /// Exact share of the rows of each block.
    [[nodiscard]] double share(std::int32_t language) const;
    [[nodiscard]] MixtureConfig const& config() const { return config_; }

private:
    /// Which language's which draw each draw of one block is. A table, as counting the draws before
    /// one needs all of them; made again (in milliseconds) when another block is asked for.
    struct Block;

    struct Turn {
        std::int32_t language = 0;
        std::int32_t place = 0;  ///< among the language's draws in this block
    };
    [[nodiscard]] Turn turn(std::int64_t index) const;
    [[nodiscard]] std::vector<Turn> turns_of(std::int64_t block) const;

    MixtureConfig config_;
    std::vector<std::int64_t> counts_;  ///< [L] rows a block
    std::vector<std::int64_t> ends_;    ///< [L] running sums of counts_
    std::unique_ptr<Block> block_;      ///< the last one used; guarded inside
};

}  // namespace isogloss
