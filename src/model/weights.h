// model/weights.h - a parameter as the layers use it: its values beside its gradient.
#pragma once

#include <string>

#include "device/view.h"
#include "kernels/gradient_sum.h"
#include "model/parameters.h"

namespace isogloss {

/// A matrix [out, in]. The gradient does not exist when it is frozen.
template <class T>
struct MatrixParameter {
    View<T const, 2> value;
    GradientSum gradient;

    [[nodiscard]] bool trains() const { return gradient.exists(); }
};

/// Gains or biases [size]; value.data is null when the model has none.
template <class T>
struct VectorParameter {
    View<T const, 1> value;
    View<float, 1> gradient;

    [[nodiscard]] bool trains() const { return gradient.data != nullptr; }
};

template <class T>
MatrixParameter<T> matrix_of(ParameterTable const& table, std::string const& name) {
    auto const index = table.index_of(name);
    return {table.matrix<T>(index), table.gradient_sum(index)};
}

template <class T>
VectorParameter<T> vector_of(ParameterTable const& table, std::string const& name) {
    auto const index = table.index_of(name);
    return {table.values<T>(index), table.gradient(index)};
}

/// y = x W^T.     x [N, in], y [N, out]
template <class T>
void linear(View<T const, 2> x, MatrixParameter<T> const& weight, View<T, 2> y) {
    matmul_nt<T, T>(x, weight.value, y, Write::replace, Stream{});
}

/// dx = dy W.
template <class T>
void linear_to_input(View<T const, 2> dy, MatrixParameter<T> const& weight, View<T, 2> dx) {
    matmul_nn<T, T>(dy, weight.value, dx, Write::replace, Stream{});
}

/// dW += dy^T x, in float; nothing when W is frozen.
template <class T>
void linear_to_weight(View<T const, 2> dy, View<T const, 2> x, MatrixParameter<T> const& weight) {
    if (weight.trains()) {
        matmul_tn<T, float>(dy, x, weight.gradient.sum, weight.gradient.next_write(), Stream{});
    }
}

}  // namespace isogloss
