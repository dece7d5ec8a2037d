// kernels/grouped_matmul.h - one product a group of rows, each group with its own weight.
#pragma once

#include <cstdint>
#include <span>

#include "device/view.h"
#include "kernels/gradient_sum.h"

namespace isogloss {

/// The products of the experts of one rank: group g is rows [begin[g], begin[g+1]) and has weight
/// weight[g] [M, K]. Groups may be empty. `begin` [G+1] lies on the host.
///
/// y[r] = weight[g] x[r] for the rows r of group g.      x [R, K], y [R, M]
template <class T>
void grouped_matmul_nt(
    View<T const, 2> x,
    std::span<std::int64_t const> begin,
    std::span<View<T const, 2> const> weight,
    View<T, 2> y,
    Stream stream
);

/// dx[r] = weight[g]^T dy[r].                             dy [R, M], dx [R, K]
template <class T>
void grouped_matmul_nn(
    View<T const, 2> dy,
    std::span<std::int64_t const> begin,
    std::span<View<T const, 2> const> weight,
    View<T, 2> dx,
    Stream stream
);

/// dweight[g] += sum over the rows r of group g of dy[r] x[r]^T, in float; an empty sum is
/// replaced, by zeros where the group is empty. For a frozen expert, whose sum does not exist, no
/// product is made.
template <class T>
void grouped_matmul_tn(
    View<T const, 2> dy,
    View<T const, 2> x,
    std::span<std::int64_t const> begin,
    std::span<GradientSum const> dweight,
    Stream stream
);

}  // namespace isogloss
