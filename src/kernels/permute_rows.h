// kernels/permute_rows.h - rows copied, summed and multiplied by index lists, in a fixed order.
#pragma once

#include "device/view.h"

namespace isogloss {

/// y[m] = x[index[m]].                        x [N, D], index [M] in [0, N), y [M, D]
template <class T>
void gather_rows(
    View<T const, 2> x, View<std::int32_t const, 1> index, View<T, 2> y, Stream stream
);

/// y[m] = weight[m] * x[index[m]].            weight [M] float
template <class T>
void gather_scaled_rows(
    View<T const, 2> x,
    View<std::int32_t const, 1> index,
    View<float const, 1> weight,
    View<T, 2> y,
    Stream stream
);

/// y[n] = sum over m in [begin[n], begin[n+1]) of weight[m] * x[index[m]], m ascending, in float,
/// rounded once. An empty sum is 0.
///
/// @param begin   [N+1] int32, rising within [0, M]
/// @param index   [M] rows of x
/// @param weight  [M], or a view whose data is null: all 1
template <class T>
void sum_rows(
    View<T const, 2> x,
    View<std::int32_t const, 1> begin,
    View<std::int32_t const, 1> index,
    View<float const, 1> weight,
    View<T, 2> y,
    Stream stream
);

/// dot[m] = sum_d a[a_index[m], d] * b[m, d], in float.    a [N, D], b [M, D], dot [M]
template <class T>
void row_dots(
    View<T const, 2> a,
    View<std::int32_t const, 1> a_index,
    View<T const, 2> b,
    View<float, 1> dot,
    Stream stream
);

}  // namespace isogloss
