// kernels/rotary_cuda.cu
#include "kernels/backend.h"
#include "kernels/cuda_parts.h"

namespace isogloss::cuda {
namespace {

/// "Columns" are the pairs of a token's rotated heads, one head after the other.
template <class T>
struct Turn {
    T* qkv;
    std::int32_t const* position;
    float const* cosine;
    float const* sine;
    std::int64_t stride;  ///< elements of a token
    int half;             ///< pairs of a head
    std::int64_t positions;
    float sign;

    template <int n>
    __device__ void at(std::int64_t token, std::int64_t pair) const {
        std::int64_t const at_position = position[token];
        if (at_position < 0 || at_position >= positions) {
            __trap();
        }
        int const head = static_cast<int>(pair) / half;
        int const i = static_cast<int>(pair) % half;
        T* const first = qkv + token * stride + std::int64_t{head} * 2 * half + i;
        float a[n];
        float b[n];
        load(first, a);
        load(first + half, b);
#pragma unroll
        for (int j = 0; j < n; ++j) {
            float const c = cosine[at_position * half + i + j];
            float const s = sign * sine[at_position * half + i + j];
            float const turned = a[j] * c - b[j] * s;
            b[j] = b[j] * c + a[j] * s;
            a[j] = turned;
        }
        store(a, first);
        store(b, first + half);
    }
};

}  // namespace

template <class T>
void rotary(
    View<T, 3> qkv,
    std::int64_t num_rotated,
    View<std::int32_t const, 1> position,
    View<float const, 2> cosine,
    View<float const, 2> sine,
    Rotation rotation,
    Stream stream
) {
    auto const [tokens, heads, width] = qkv.shape;
    std::int64_t const half = width / 2;
    Turn<T> const turn{qkv.data,        position.data,
                       cosine.data,     sine.data,
                       heads * width,   static_cast<int>(half),
                       cosine.shape[0], rotation == Rotation::forward ? 1.0F : -1.0F};
    constexpr int kPack = kVectorBytes / sizeof(T);
    bool const aligned = all_aligned(kVectorBytes, qkv.data) && half % kPack == 0;
    over_rows<kPack>(tokens, num_rotated * half, aligned, turn, stream);
}

template decltype(rotary<float>) rotary<float>;
template decltype(rotary<bf16>) rotary<bf16>;

}  // namespace isogloss::cuda
