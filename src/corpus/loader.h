// corpus/loader.h - a thread that has the next micro-batch ready when it is asked for.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <vector>

#include "corpus/batch.h"
#include "corpus/corpus.h"
#include "corpus/row_order.h"

namespace isogloss {

/// Rows `rows` of step `step` of the training split, in that order. Pure.
Batch read_rows(
    Corpus const& corpus,
    RowOrder const& order,
    std::int64_t step,
    std::span<std::int64_t const> rows
);

/// What a loader is to read, in order: micro-batches 0 to micro_batches - 1 of step first_step,
/// then of the next step, without end.
struct LoaderPlan {
    std::int64_t first_step = 0;
    std::int64_t micro_batches = 1;  ///< a step
    /// (step, micro-batch) -> rows of the global batch; empty where this rank has none. Called on
    /// the loader's thread.
    std::function<std::vector<std::int64_t>(std::int64_t, std::int64_t)> rows;
};

/// A step's rows in slices, the same on any number of ranks: slice i is rows [i rows, (i + 1)
/// rows).
struct Slices {
    std::int64_t rows = 0;   ///< of a slice
    std::int64_t count = 1;  ///< of slices
};

/// The plan of rank `rank` of `ranks`: micro-batch i is its even part of slice i.
LoaderPlan slice_plan(
    Slices const& slices, std::int64_t ranks, std::int64_t rank, std::int64_t first_step
);

/// Reads micro-batches on a thread of its own, at most two ahead of the caller.
class Loader {
public:
    /// Keeps references to both: they must outlive it.
    Loader(Corpus const& corpus, RowOrder const& order, LoaderPlan plan);
    ~Loader();
    Loader(Loader&&) noexcept;
    Loader& operator=(Loader&&) noexcept;

    /// The next micro-batch; waits for it if need be.
    /// @throws whatever reading threw, again at each later call
    Batch next();

    /// Waits at most `seconds` for it. True when next() would not wait (or would throw).
    bool is_ready_within(double seconds);

    /// Seconds that were waited here, in all.
    [[nodiscard]] double seconds_waited() const;

private:
    struct Queue;
    std::unique_ptr<Queue> queue_;
};

/// All tokens of one language's split, each predicted once (but for the first, which nothing
/// precedes): row w has tokens [w T, w T + T + 1) of the stream; the last is padded.
class ValidationSet {
public:
    /// Keeps a reference to the corpus.
    ValidationSet(
        Corpus const& corpus, std::int32_t language, Split split, std::int64_t row_length
    );

    /// ceil((n - 1) / T); 0 when there are fewer than 2 tokens.
    [[nodiscard]] std::int64_t rows() const { return rows_; }

    /// Rows [first, first + count), cut to those that there are: may be empty, so that all ranks
    /// can make the same number of calls.
    [[nodiscard]] Batch read(std::int64_t first, std::int64_t count) const;

private:
    Corpus const* corpus_ = nullptr;
    std::int32_t language_ = 0;
    Split split_ = Split::valid;
    std::int64_t row_length_ = 0;
    std::int64_t rows_ = 0;
};

}  // namespace isogloss
