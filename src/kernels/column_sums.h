// kernels/column_sums.h - sums over rows whose order does not depend on the number of threads.
#pragma once

#include <cstdint>
#include <vector>

#include "kernels/parallel.h"

namespace isogloss::cpu {

/// Sums over rows, in blocks: each block of rows adds into its own [width] of zeros, and the blocks
/// are added up in order.
class ColumnSums {
public:
    ColumnSums(std::int64_t rows, std::int64_t width)
        : rows_(rows),
          width_(width),
          blocks_(ceil_div(rows, kRowsPerBlock)),
          partial_(static_cast<std::size_t>(blocks_ * width), 0.0F) {}

    /// Calls body(begin, end, sum) for each block of rows; body adds into sum [width].
    template <class Body>
    void for_each_block(Body const& body) {
        parallel_rows(blocks_, kRowsPerBlock * width_, [&](std::int64_t begin, std::int64_t end) {
            for (std::int64_t block = begin; block < end; ++block) {
                std::int64_t const first = block * kRowsPerBlock;
                body(
                    first, std::min(first + kRowsPerBlock, rows_), partial_.data() + block * width_
                );
            }
        });
    }

    /// total[d] += the sum over all blocks.
    void add_to(float* total) const {
        for (std::int64_t block = 0; block < blocks_; ++block) {
            float const* const sum = partial_.data() + block * width_;
#pragma omp simd
            for (std::int64_t d = 0; d < width_; ++d) {
                total[d] += sum[d];
            }
        }
    }

private:
    /// Rows summed in one go. Part of the result: another number gives other roundings.
    static constexpr std::int64_t kRowsPerBlock = 128;

    std::int64_t rows_;
    std::int64_t width_;
    std::int64_t blocks_;
    std::vector<float> partial_;
};

}  // namespace isogloss::cpu
