// kernels/attention_cuda.cu
#include "kernels/attention_cuda.h"

#include <string>
#include <type_traits>

#include "base/error.h"
#include "kernels/backend.h"
#include "kernels/cuda_parts.h"

namespace isogloss::cuda {
namespace {

void require_served(AttentionShape const& shape) {
    if (shape.slope.data != nullptr) {
        throw Error(
            Exit::usage,
            "attention with ALiBi (model.position = alibi) is not served on a GPU; use --device cpu"
        );
    }
    if (shape.head_width > kMostHeadWidth) {
        throw Error(
            Exit::usage, "attention: heads of width " + std::to_string(shape.head_width) +
                             " are not served on a GPU; the most is " +
                             std::to_string(kMostHeadWidth) + ": use more heads or --device cpu"
        );
    }
}

/// delta[i] = out[i, :] . dout[i, :] for the heads i of all tokens; a warp each.
template <class T, int n>
__global__ void __launch_bounds__(kThreads)
    delta_kernel(T const* out, T const* dout, std::int64_t heads, int width, float* delta) {
    std::int64_t const head =
        (static_cast<std::int64_t>(blockIdx.x) * kThreads + threadIdx.x) / kWarp;
    if (head >= heads) {
        return;
    }
    float sum = 0.0F;
    for (int w = static_cast<int>(threadIdx.x) % kWarp * n; w < width; w += kWarp * n) {
        float a[n];
        float b[n];
        load(out + head * width + w, a);
        load(dout + head * width + w, b);
#pragma unroll
        for (int j = 0; j < n; ++j) {
            sum += a[j] * b[j];
        }
    }
    sum = warp_sum(sum);
    if (threadIdx.x % kWarp == 0) {
        delta[head] = sum;
    }
}

template <class T>
float const* deltas(
    View<T const, 2> out, View<T const, 2> dout, AttentionShape const& shape, Stream stream
) {
    std::int64_t const heads = out.shape[0] * shape.heads;
    auto& queue = queue_of(stream);
    float* const delta = queue.scratch_of<float>(heads);
    constexpr int kPack = 4;  // of a head of 128 all lanes have one
    with_pack_size<kPack>(
        all_aligned(kVectorBytes, out.data, dout.data), shape.head_width,
        [&](auto pack) {
            auto const blocks = static_cast<unsigned>(ceil_div(heads, kThreads / kWarp));
            delta_kernel<T, decltype(pack)::value><<<blocks, kThreads, 0, queue.get()>>>(
                out.data, dout.data, heads, static_cast<int>(shape.head_width), delta
            );
            ISOGLOSS_CUDA(cudaGetLastError());
        }
    );
    return delta;
}

}  // namespace

template <class T>
void attention(
    View<T const, 2> qkv,
    View<std::int32_t const, 1> document_start,
    AttentionShape const& shape,
    View<T, 2> out,
    View<float, 2> log_sum,
    Stream stream
) {
    require_served(shape);
    if (qkv.size() == 0) {
        return;
    }
    AttentionForward<T> const pass{shape, qkv.data, document_start.data, out.data, log_sum.data};
    if constexpr (std::is_same_v<T, bf16>) {
        if (hopper_attention_serves(shape, qkv.data, out.data)) {
            return hopper_attention(pass, stream);
        }
        if (mma_attention_serves(shape, qkv.data, out.data)) {
            return mma_attention(pass, stream);
        }
    }
    tiled_attention(pass, stream);
}

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
) {
    require_served(shape);
    if (qkv.size() == 0) {
        return;
    }
    AttentionBackward<T> const pass{shape,        qkv.data,  document_start.data,
                                    log_sum.data, dout.data, deltas(out, dout, shape, stream),
                                    dqkv.data};
    if constexpr (std::is_same_v<T, bf16>) {
        bool const aligned = all_aligned(kVectorBytes, dqkv.data);
        if (aligned && hopper_attention_serves(shape, qkv.data, dout.data)) {
            return hopper_attention_backward(pass, stream);
        }
        if (aligned && mma_attention_serves(shape, qkv.data, dout.data)) {
            return mma_attention_backward(pass, stream);
        }
    }
    tiled_attention_backward(pass, stream);
}

template decltype(attention<float>) attention<float>;
template decltype(attention<bf16>) attention<bf16>;
template decltype(attention_backward<float>) attention_backward<float>;
template decltype(attention_backward<bf16>) attention_backward<bf16>;

}  // namespace isogloss::cuda
