// kernels/matmul_cuda.cu
#include "kernels/backend.h"
#include "kernels/cuda_product.h"

namespace isogloss::cuda {

template <class T, class C>
void matmul_nt(View<T const, 2> a, View<T const, 2> b, View<C, 2> c, Write write, Stream stream) {
    product(operand(a, Turned::no), operand(b, Turned::yes), c, write, stream);
}

template <class T, class C>
void matmul_nn(View<T const, 2> a, View<T const, 2> b, View<C, 2> c, Write write, Stream stream) {
    product(operand(a, Turned::no), operand(b, Turned::no), c, write, stream);
}

template <class T, class C>
void matmul_tn(View<T const, 2> a, View<T const, 2> b, View<C, 2> c, Write write, Stream stream) {
    product(operand(a, Turned::yes), operand(b, Turned::no), c, write, stream);
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

}  // namespace isogloss::cuda
