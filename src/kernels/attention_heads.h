// kernels/attention_heads.h - the heads of attention on the CPU, one after the other on each
// thread.
#pragma once

#include <algorithm>
#include <cstdint>
#include <vector>

#include "kernels/attention.h"
#include "kernels/parallel.h"
#include "kernels/product.h"

namespace isogloss::cpu {

/// Queries of the forward pass, or keys of the backward pass, taken at a time. Key and query ranges
/// begin and end at multiples of it (or at the row's end), so there are few shapes of products.
inline constexpr std::int64_t kAttentionBlock = 64;

/// Head `h` of [N, heads W], of one sequence.
template <class T, class U>
Matrix<T> head_of(View<U, 2> all, AttentionShape const& shape, std::int64_t row, std::int64_t h) {
    std::int64_t const stride = all.shape[1];
    return {
        all.data + row * shape.row_length * stride + h * shape.head_width, shape.row_length,
        shape.head_width, stride, 1};
}

/// Of query head `h`; 0 where scores know no distance.
inline float slope_of(AttentionShape const& shape, std::int64_t h) {
    return shape.slope.data == nullptr ? 0.0F : shape.slope.data[h];
}

/// A copy of one head without gaps between its rows: oneDNN has its fast bf16 products only for
/// such matrices.
template <class T>
class PackedHead {
public:
    explicit PackedHead(AttentionShape const& shape)
        : values_(static_cast<std::size_t>(shape.row_length * shape.head_width)) {}

    void pack(Matrix<T const> head) {
        for (std::int64_t n = 0; n < head.rows; ++n) {
            std::copy_n(
                head.data + n * head.row_stride, head.columns, values_.data() + n * head.columns
            );
        }
        matrix_ = {values_.data(), head.rows, head.columns, head.columns, 1};
    }
    [[nodiscard]] Matrix<T const> matrix() const { return matrix_; }

private:
    std::vector<T> values_;
    Matrix<T const> matrix_;
};

/// Calls body(pass, row, kv_head) for all, each on one thread with its own Pass.
template <class Pass, class Body>
void for_each_kv_head(AttentionShape const& shape, Body const& body) {
    std::int64_t const cost = shape.row_length * shape.row_length * shape.heads / shape.kv_heads;
    parallel_rows(shape.rows * shape.kv_heads, cost, [&](std::int64_t begin, std::int64_t end) {
        OneThread const one_thread;
        Pass pass(shape);
        for (std::int64_t i = begin; i < end; ++i) {
            body(pass, i / shape.kv_heads, i % shape.kv_heads);
        }
    });
}

}  // namespace isogloss::cpu
