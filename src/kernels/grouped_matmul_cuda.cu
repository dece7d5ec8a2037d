// kernels/grouped_matmul_cuda.cu
#include "kernels/backend.h"
#include "kernels/cuda_product.h"

namespace isogloss::cuda {

template <class T>
void grouped_matmul_nt(
    View<T const, 2> x,
    std::span<std::int64_t const> begin,
    std::span<View<T const, 2> const> weight,
    View<T, 2> y,
    Stream stream
) {
    for (std::size_t g = 0; g < weight.size(); ++g) {
        product(
            operand(x.rows(begin[g], begin[g + 1]), Turned::no), operand(weight[g], Turned::yes),
            y.rows(begin[g], begin[g + 1]), Write::replace, stream
        );
    }
}

template <class T>
void grouped_matmul_nn(
    View<T const, 2> dy,
    std::span<std::int64_t const> begin,
    std::span<View<T const, 2> const> weight,
    View<T, 2> dx,
    Stream stream
) {
    for (std::size_t g = 0; g < weight.size(); ++g) {
        product(
            operand(dy.rows(begin[g], begin[g + 1]), Turned::no), operand(weight[g], Turned::no),
            dx.rows(begin[g], begin[g + 1]), Write::replace, stream
        );
    }
}

template <class T>
void grouped_matmul_tn(
    View<T const, 2> dy,
    View<T const, 2> x,
    std::span<std::int64_t const> begin,
    std::span<GradientSum const> dweight,
    Stream stream
) {
    for (std::size_t g = 0; g < dweight.size(); ++g) {
        if (dweight[g].exists()) {
            product(
                operand(dy.rows(begin[g], begin[g + 1]), Turned::yes),
                operand(x.rows(begin[g], begin[g + 1]), Turned::no), dweight[g].sum,
                dweight[g].next_write(), stream
            );
        }
    }
}

template decltype(grouped_matmul_nt<float>) grouped_matmul_nt<float>;
template decltype(grouped_matmul_nt<bf16>) grouped_matmul_nt<bf16>;
template decltype(grouped_matmul_nn<float>) grouped_matmul_nn<float>;
template decltype(grouped_matmul_nn<bf16>) grouped_matmul_nn<bf16>;
template decltype(grouped_matmul_tn<float>) grouped_matmul_tn<float>;
template decltype(grouped_matmul_tn<bf16>) grouped_matmul_tn<bf16>;

}  // namespace isogloss::cuda
