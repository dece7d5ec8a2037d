// kernels/elementwise.h - casts, sums and fills of runs of elements.
#pragma once

#include "device/view.h"
#include "kernels/write.h"

namespace isogloss {

/// y[i] = x[i], rounded to nearest even where Y is narrower. All [n].
template <class X, class Y>
void cast(View<X const, 1> x, View<Y, 1> y, Stream stream);

/// y[i] += x[i], rounded once to Y. All [n].
template <class X, class Y>
void add(View<X const, 1> x, View<Y, 1> y, Stream stream);

/// x[i] *= factor, rounded once to T.
template <class T>
void scale(View<T, 1> x, float factor, Stream stream);

/// x[i] = value.
template <class T>
void fill(View<T, 1> x, float value, Stream stream);

/// x[n, d] += bias[d].                      x [N, D], bias [D]
template <class T>
void add_bias(View<T, 2> x, View<T const, 1> bias, Stream stream);

/// dbias[d] += sum_n dy[n, d], n ascending in blocks of fixed size, in float.
template <class T>
void sum_columns(View<T const, 2> dy, View<float, 1> dbias, Stream stream);

/// Sum of squares in double, in blocks of fixed size: same bits for any number of threads.
double sum_of_squares(View<float const, 1> x, Stream stream);

/// The same, added to sum[0] or put there; the host does not wait.       sum [1], on x's device
void sum_of_squares(View<float const, 1> x, Write write, View<double, 1> sum, Stream stream);

}  // namespace isogloss
