// moe/expert_products.h - a product with each expert's weight, for all of its pairs or for some.
#pragma once

#include <array>
#include <cstdint>
#include <vector>

#include "moe/experts.h"

namespace isogloss {

/// One of the two matrices of each expert.
template <class T>
using ExpertMatrix = View<T const, 2> ExpertWeights<T>::*;

template <class T>
std::vector<View<T const, 2>> expert_matrices(ExpertGroup<T> const& group, ExpertMatrix<T> matrix) {
    std::vector<View<T const, 2>> list;
    for (auto const& weights : group.weights) {
        list.push_back(weights.*matrix);
    }
    return list;
}

/// multiply(x, begin, weights, y, stream), a product of kernels/grouped_matmul.h, for the selected
/// pairs: once where it is all of them.
template <class T, class Multiply>
void over_selection(
    View<T const, 2> x,
    ExpertGroup<T> const& group,
    ExpertMatrix<T> matrix,
    PairSelection const& selection,
    View<T, 2> y,
    Multiply const& multiply,
    Stream stream
) {
    if (selection.is_all) {
        return multiply(x, group.begin, expert_matrices(group, matrix), y, stream);
    }
    for (auto const& [expert, pairs] : selection.parts) {
        std::array<std::int64_t, 2> const begin{0, pairs.size()};
        std::array const weight{group.weights[expert].*matrix};
        multiply(
            x.rows(pairs.begin, pairs.end), begin, weight, y.rows(pairs.begin, pairs.end), stream
        );
    }
}

}  // namespace isogloss
