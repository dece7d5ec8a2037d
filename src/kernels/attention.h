// kernels/attention.h - causal grouped-query attention inside documents.
#pragma once

#include "device/view.h"

namespace isogloss {

/// How many heads, how wide.
struct AttentionShape {
    std::int64_t rows = 0;        ///< B, sequences
    std::int64_t row_length = 0;  ///< T, tokens a sequence; N = B T
    std::int64_t heads = 0;       ///< H query heads
    std::int64_t kv_heads = 0;    ///< G key and value heads; divides H
    std::int64_t head_width = 0;  ///< W
    /// [H] of alibi_slopes, on the device of the tokens; null data: scores know no distance.
    View<float const, 1> slope = {};
};

/// out[n, h] = sum_j softmax_j(q[n, h] . k[j, h / (H/G)] / sqrt(W) - slope[h] (n - j))
///             v[j, h / (H/G)]
/// over the tokens j of the same row and the same document with j <= n.
///
/// Vaswani et al., arXiv:1706.03762, eq. 1; computed by blocks of queries (Dao et al.,
/// arXiv:2205.14135), so no [T, T] matrix is kept. Same bits for any number of threads.
///
/// @param qkv             [N, (H + 2 G) W]: queries, keys, values, after rotary
/// @param document_start  [N] index within the row, in [0, T), of the first token of this token's
///                        document; never falls along a row
/// @param out             [N, H W] out
/// @param log_sum         [N, H] out: log of the softmax's denominator, kept for the backward pass
template <class T>
void attention(
    View<T const, 2> qkv,
    View<std::int32_t const, 1> document_start,
    AttentionShape const& shape,
    View<T, 2> out,
    View<float, 2> log_sum,
    Stream stream
);

/// dqkv = d loss / d qkv for dout = d loss / d out; recomputes the softmax from log_sum.
template <class T>
void attention_backward(
    View<T const, 2> qkv,
    View<std::int32_t const, 1> document_start,
    AttentionShape const& shape,
    View<T const, 2> out,
    View<float const, 2> log_sum,
    View<T const, 2> dout,
    View<T, 2> dqkv,
    Stream stream
);

}  // namespace isogloss
