// kernels/matmul_cpu.cpp
#include "kernels/backend.h"
#include "kernels/product.h"

namespace isogloss::cpu {

template <class T, class C>
void matmul_nt(
    View<T const, 2> a, View<T const, 2> b, View<C, 2> c, Write write, Stream /*stream*/
) {
    product(matrix(a), matrix(b).transposed(), matrix(c), write);
}

template <class T, class C>
void matmul_nn(
    View<T const, 2> a, View<T const, 2> b, View<C, 2> c, Write write, Stream /*stream*/
) {
    product(matrix(a), matrix(b), matrix(c), write);
}

template <class T, class C>
void matmul_tn(
    View<T const, 2> a, View<T const, 2> b, View<C, 2> c, Write write, Stream /*stream*/
) {
    product(matrix(a).transposed(), matrix(b), matrix(c), write);
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

}  // namespace isogloss::cpu
