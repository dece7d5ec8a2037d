// kernels/swiglu_cuda.cu
#include "kernels/backend.h"
#include "kernels/cuda_gated.h"

namespace isogloss::cuda {
namespace {

/// As on the CPU.
struct Silu {
    __device__ static float share(float z) { return 1.0F / (1.0F + expf(-z)); }
    __device__ static float times_slope(float c, float z, float s) {
        return c * s * (1.0F + z * (1.0F - s));
    }
};

}  // namespace

template <class T>
void swiglu(View<T const, 2> gate_up, View<T, 2> y, Stream stream) {
    gated<Silu>(gate_up, y, stream);
}

template <class T>
void swiglu_backward(
    View<T const, 2> gate_up, View<T const, 2> dy, View<T, 2> dgate_up, Stream stream
) {
    gated_backward<Silu>(gate_up, dy, dgate_up, stream);
}

template decltype(swiglu<float>) swiglu<float>;
template decltype(swiglu<bf16>) swiglu<bf16>;
template decltype(swiglu_backward<float>) swiglu_backward<float>;
template decltype(swiglu_backward<bf16>) swiglu_backward<bf16>;

}  // namespace isogloss::cuda
