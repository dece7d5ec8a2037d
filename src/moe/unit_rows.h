// moe/unit_rows.h - sums of directions, for similarities of what layers take in.
#pragma once

#include <span>

#include "device/view.h"

namespace isogloss {

/// sum[d] += sum over n of x[n, d] / |x[n]|, n ascending, in double, over tokens whose target is
/// not negative. A row of zeros adds nothing. Means of such sums give the mean of all cosines of
/// two sets of tokens as one product: LayerMoE, arXiv:2505.22582.
///
/// @param x       [N, D]
/// @param target  [N]
/// @param sum     [D], on the host
template <class T>
void add_unit_rows(
    View<T const, 2> x, View<std::int32_t const, 1> target, std::span<double> sum, Stream stream
);

// One definition a device. Call the function above.
namespace cpu {
template <class T>
void add_unit_rows(View<T const, 2> x, View<std::int32_t const, 1> target, std::span<double> sum);
}  // namespace cpu

namespace cuda {
template <class T>
void add_unit_rows(
    View<T const, 2> x, View<std::int32_t const, 1> target, std::span<double> sum, Stream stream
);
}  // namespace cuda

}  // namespace isogloss
