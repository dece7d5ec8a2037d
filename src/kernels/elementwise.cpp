// kernels/elementwise.cpp
#include "kernels/elementwise.h"

#include "kernels/backend.h"
#include "kernels/checks.h"

namespace isogloss {

template <class X, class Y>
void cast(View<X const, 1> x, View<Y, 1> y, Stream stream) {
    require_shape("cast: y", y, x.shape);
    require_one_device("cast", x, y);
    switch (x.device) {
        case Device::cpu: return cpu::cast(x, y, stream);
        case Device::cuda: return cuda::cast(x, y, stream);
    }
}

template <class X, class Y>
void add(View<X const, 1> x, View<Y, 1> y, Stream stream) {
    require_shape("add: y", y, x.shape);
    require_one_device("add", x, y);
    switch (x.device) {
        case Device::cpu: return cpu::add(x, y, stream);
        case Device::cuda: return cuda::add(x, y, stream);
    }
}

template <class T>
void scale(View<T, 1> x, float factor, Stream stream) {
    switch (x.device) {
        case Device::cpu: return cpu::scale(x, factor, stream);
        case Device::cuda: return cuda::scale(x, factor, stream);
    }
}

template <class T>
void fill(View<T, 1> x, float value, Stream stream) {
    switch (x.device) {
        case Device::cpu: return cpu::fill(x, value, stream);
        case Device::cuda: return cuda::fill(x, value, stream);
    }
}

template <class T>
void add_bias(View<T, 2> x, View<T const, 1> bias, Stream stream) {
    require_shape("add_bias: bias", bias, {x.shape[1]});
    require_one_device("add_bias", x, bias);
    switch (x.device) {
        case Device::cpu: return cpu::add_bias(x, bias, stream);
        case Device::cuda: return cuda::add_bias(x, bias, stream);
    }
}

template <class T>
void sum_columns(View<T const, 2> dy, View<float, 1> dbias, Stream stream) {
    require_shape("sum_columns: dbias", dbias, {dy.shape[1]});
    require_one_device("sum_columns", dy, dbias);
    switch (dy.device) {
        case Device::cpu: return cpu::sum_columns(dy, dbias, stream);
        case Device::cuda: return cuda::sum_columns(dy, dbias, stream);
    }
}

double sum_of_squares(View<float const, 1> x, Stream stream) {
    switch (x.device) {
        case Device::cpu: return cpu::sum_of_squares(x, stream);
        case Device::cuda: return cuda::sum_of_squares(x, stream);
    }
    return 0.0;
}

void sum_of_squares(View<float const, 1> x, Write write, View<double, 1> sum, Stream stream) {
    require_shape("sum_of_squares: sum", sum, {1});
    require_one_device("sum_of_squares", x, sum);
    switch (x.device) {
        case Device::cpu: return cpu::sum_of_squares(x, write, sum, stream);
        case Device::cuda: return cuda::sum_of_squares(x, write, sum, stream);
    }
}

template decltype(cast<float, float>) cast<float, float>;
template decltype(cast<float, bf16>) cast<float, bf16>;
template decltype(cast<bf16, float>) cast<bf16, float>;
template decltype(cast<bf16, bf16>) cast<bf16, bf16>;
template decltype(add<float, float>) add<float, float>;
template decltype(add<float, bf16>) add<float, bf16>;
template decltype(add<bf16, bf16>) add<bf16, bf16>;
template decltype(scale<float>) scale<float>;
template decltype(scale<bf16>) scale<bf16>;
template decltype(fill<float>) fill<float>;
template decltype(fill<bf16>) fill<bf16>;
template decltype(add_bias<float>) add_bias<float>;
template decltype(add_bias<bf16>) add_bias<bf16>;
template decltype(sum_columns<float>) sum_columns<float>;
template decltype(sum_columns<bf16>) sum_columns<bf16>;

}  // namespace isogloss
