// corpus/windows.h - a language's stream cut into rows, epoch after epoch, no token left out.
#pragma once

#include <cstdint>

#include "base/math.h"

namespace isogloss {

/// A stream of n tokens in rows of T targets, for ever.
///
/// The stream is a ring: after its last token comes its first, a separator, which is what ends the
/// last document. Window j is the T + 1 tokens from j T mod n on. Epoch e has the windows that
/// begin in [e n, (e + 1) n), floor or ceil(n / T) of them. So every token is a target once before
/// any is one twice, but for fewer than T where two epochs meet; and each epoch cuts the stream at
/// other places, n mod T tokens nearer to its beginning than the one before.
///
/// A stream of T tokens or fewer is one row, padded, of n - 1 targets; each such row is an epoch.
struct Windows {
    std::int64_t tokens = 0;      ///< n >= 2
    std::int64_t row_length = 0;  ///< T

    [[nodiscard]] bool fit() const { return tokens > row_length; }
    /// Of one row: T, or n - 1.
    [[nodiscard]] std::int64_t targets() const { return fit() ? row_length : tokens - 1; }
    /// Rows that make an epoch, on average: n / T, or 1.
    [[nodiscard]] double rows_an_epoch() const {
        return fit() ? static_cast<double>(tokens) / static_cast<double>(row_length) : 1.0;
    }

    /// Windows of all epochs before `epoch`.
    [[nodiscard]] std::int64_t before(std::int64_t epoch) const {
        return fit() ? ceil_div(epoch * tokens, row_length) : epoch;
    }
    /// The epoch that window j is of.
    [[nodiscard]] std::int64_t epoch_of(std::int64_t j) const {
        return fit() ? j * row_length / tokens : j;
    }
    /// Index in the stream of the first token of window j.
    [[nodiscard]] std::int64_t first(std::int64_t j) const {
        return fit() ? j * row_length % tokens : 0;
    }
};

}  // namespace isogloss
