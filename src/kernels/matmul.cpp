// kernels/matmul.cpp
#include "kernels/matmul.h"

#include "kernels/backend.h"
#include "kernels/checks.h"

namespace isogloss {

template <class T, class C>
void matmul_nt(View<T const, 2> a, View<T const, 2> b, View<C, 2> c, Write write, Stream stream) {
    require_shape("matmul_nt: b", b, {b.shape[0], a.shape[1]});
    require_shape("matmul_nt: c", c, {a.shape[0], b.shape[0]});
    require_one_device("matmul_nt", a, b, c);
    switch (a.device) {
        case Device::cpu: return cpu::matmul_nt(a, b, c, write, stream);
        case Device::cuda: return cuda::matmul_nt(a, b, c, write, stream);
    }
}

template <class T, class C>
void matmul_nn(View<T const, 2> a, View<T const, 2> b, View<C, 2> c, Write write, Stream stream) {
    require_shape("matmul_nn: b", b, {a.shape[1], b.shape[1]});
    require_shape("matmul_nn: c", c, {a.shape[0], b.shape[1]});
    require_one_device("matmul_nn", a, b, c);
    switch (a.device) {
        case Device::cpu: return cpu::matmul_nn(a, b, c, write, stream);
        case Device::cuda: return cuda::matmul_nn(a, b, c, write, stream);
    }
}

template <class T, class C>
void matmul_tn(View<T const, 2> a, View<T const, 2> b, View<C, 2> c, Write write, Stream stream) {
    require_shape("matmul_tn: b", b, {a.shape[0], b.shape[1]});
    require_shape("matmul_tn: c", c, {a.shape[1], b.shape[1]});
    require_one_device("matmul_tn", a, b, c);
    switch (a.device) {
        case Device::cpu: return cpu::matmul_tn(a, b, c, write, stream);
        case Device::cuda: return cuda::matmul_tn(a, b, c, write, stream);
    }
}

template decltype(matmul_nt<float, float>) matmul_nt<float, float>;
template decltype(matmul_nt<bf16, bf16>) matmul_nt<bf16, bf16>;
template decltype(matmul_nt<bf16, float>) matmul_nt<bf16, float>;
template decltype(matmul_nn<float, float>) matmul_nn<float, float>;
template decltype(matmul_nn<bf16, bf16>) matmul_nn<bf16, bf16>;
template decltype(matmul_nn<bf16, float>) matmul_nn<bf16, float>;
template decltype(matmul_tn<float, float>) matmul_tn<float, float>;
template decltype(matmul_tn<bf16, bf16>) matmul_tn<bf16, bf16>;
template decltype(matmul_tn<bf16, float>) matmul_tn<bf16, float>;

}  // namespace isogloss
