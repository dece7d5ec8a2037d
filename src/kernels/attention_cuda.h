// kernels/attention_cuda.h - the ways attention is computed on the GPU. For .cu files and tests.
#pragma once

#include <cstdint>

#include "device/view.h"
#include "kernels/attention.h"

namespace isogloss::cuda {

/// What the forward pass reads and writes; shapes as in kernels/attention.h.
template <class T>
struct AttentionForward {
    AttentionShape shape;
    T const* qkv;
    std::int32_t const* document_start;
    T* out;
    float* log_sum;
};

/// The same for the backward pass. delta[n, h] = sum_w out[n, h, w] dout[n, h, w].
template <class T>
struct AttentionBackward {
    AttentionShape shape;
    T const* qkv;
    std::int32_t const* document_start;
    float const* log_sum;
    T const* dout;
    float const* delta;
    T* dqkv;
};

/// Head widths up to this are served.
constexpr std::int64_t kMostHeadWidth = 256;

/// Float arithmetic on tiles in shared memory, for any type and head width: what the other ways are
/// compared with.
template <class T>
void tiled_attention(AttentionForward<T> const& pass, Stream stream);
template <class T>
void tiled_attention_backward(AttentionBackward<T> const& pass, Stream stream);

/// bf16 on tensor cores, for the usual head widths. Rounds as the CPU does: probabilities and their
/// gradients to bf16 before they are multiplied.
bool mma_attention_serves(AttentionShape const& shape, bf16 const* qkv, bf16 const* out);
void mma_attention(AttentionForward<bf16> const& pass, Stream stream);
void mma_attention_backward(AttentionBackward<bf16> const& pass, Stream stream);

/// The same by the asynchronous products of Hopper's warp groups, on GPUs that have them.
bool hopper_attention_serves(AttentionShape const& shape, bf16 const* qkv, bf16 const* out);
void hopper_attention(AttentionForward<bf16> const& pass, Stream stream);
void hopper_attention_backward(AttentionBackward<bf16> const& pass, Stream stream);

}  // namespace isogloss::cuda
