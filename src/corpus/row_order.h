// corpus/row_order.h - the order of a run's rows, whichever rule makes it.
#pragma once

#include <cstdint>
#include <span>
#include <variant>
#include <vector>

#include "corpus/group_chunks.h"
#include "corpus/mixture.h"

namespace isogloss {

/// A Mixture, or GroupChunks: (step, row) -> tokens, a pure function.
class RowOrder {
public:
    explicit RowOrder(Mixture mixture) : rule_(std::move(mixture)) {}
    explicit RowOrder(GroupChunks chunks) : rule_(std::move(chunks)) {}

    /// May be called from several threads.
    /// @param step  >= 0
    /// @param row   in [0, rows())
    [[nodiscard]] Draw draw(std::int64_t step, std::int64_t row) const;
    /// Targets of a row: T, but for streams shorter than a row.
    [[nodiscard]] std::int64_t targets(Draw const& draw) const;

    /// Of one step, over all ranks.
    [[nodiscard]] std::int64_t rows() const;
    [[nodiscard]] std::int64_t row_length() const;
    /// [L] rows of each language among the run's first `rows` rows, as planned; what is drawn is
    /// within sampling error of it.
    [[nodiscard]] std::vector<double> planned_rows(std::int64_t rows) const;
    /// [L] tokens of each language's stream that are read: all of it, or its beginning.
    [[nodiscard]] std::span<std::int64_t const> tokens() const;

private:
    std::variant<Mixture, GroupChunks> rule_;
};

}  // namespace isogloss
