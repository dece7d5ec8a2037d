// kernels/product.h - one matrix product on the CPU, by oneDNN, on strided matrices.
#pragma once

#include <cstdint>

#include "kernels/matmul.h"

namespace isogloss::cpu {

/// Element (i, j) lies at data[i * row_stride + j * column_stride]; one of the strides is 1.
template <class T>
struct Matrix {
    T* data = nullptr;
    std::int64_t rows = 0;
    std::int64_t columns = 0;
    std::int64_t row_stride = 0;
    std::int64_t column_stride = 1;

    [[nodiscard]] Matrix transposed() const {
        return {data, columns, rows, column_stride, row_stride};
    }
    /// Rows [begin, begin + count).
    [[nodiscard]] Matrix part(std::int64_t begin, std::int64_t count) const {
        return {data + begin * row_stride, count, columns, row_stride, column_stride};
    }
};

/// All of a view.
template <class T>
Matrix<T> matrix(View<T, 2> view) {
    return {view.data, view.shape[0], view.shape[1], view.shape[1], 1};
}

/// c = a b, or c += a b.     a [N, K], b [K, M], c [N, M] with column stride 1
///
/// Sums in float, rounded once. Inside an OpenMP parallel region it runs on the calling thread
/// alone, provided a OneThread lives. The first product of a new shape
/// costs about a millisecond (oneDNN writes its code), so callers keep the number of shapes small.
template <class T, class C>
void product(Matrix<T const> a, Matrix<T const> b, Matrix<C> c, Write write);

}  // namespace isogloss::cpu
