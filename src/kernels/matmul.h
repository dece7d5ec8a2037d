// kernels/matmul.h - matrix products, in the three forms that a linear layer needs.
#pragma once

#include "device/view.h"
#include "kernels/write.h"

namespace isogloss {

/// c = a b^T     a [N, K], b [M, K], c [N, M]. Forward of a linear layer: y = x W^T, W stored [out,
/// in].
///
/// T and C are float and float, bf16 and bf16, or bf16 and float. Sums in float for every type; the
/// result is rounded once. Same bits from run to run for the same shape and number of threads.
/// N, M or K may be 0: an empty sum is 0.
/// @throws Error  when shapes disagree or views lie on different devices
template <class T, class C>
void matmul_nt(View<T const, 2> a, View<T const, 2> b, View<C, 2> c, Write write, Stream stream);

/// c = a b       a [N, K], b [K, M], c [N, M]. Backward to the input: dx = dy W.
template <class T, class C>
void matmul_nn(View<T const, 2> a, View<T const, 2> b, View<C, 2> c, Write write, Stream stream);

/// c = a^T b     a [K, N], b [K, M], c [N, M]. Backward to the weight: dW = dy^T x.
template <class T, class C>
void matmul_tn(View<T const, 2> a, View<T const, 2> b, View<C, 2> c, Write write, Stream stream);

}  // namespace isogloss
