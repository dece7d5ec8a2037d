// kernels/permute_rows.cpp
#include "kernels/permute_rows.h"

#include "kernels/backend.h"
#include "kernels/checks.h"

namespace isogloss {

template <class T>
void gather_rows(
    View<T const, 2> x, View<std::int32_t const, 1> index, View<T, 2> y, Stream stream
) {
    require_shape("gather_rows: y", y, {index.shape[0], x.shape[1]});
    require_one_device("gather_rows", x, index, y);
    switch (x.device) {
        case Device::cpu: return cpu::gather_rows(x, index, y, stream);
        case Device::cuda: return cuda::gather_rows(x, index, y, stream);
    }
}

template <class T>
void gather_scaled_rows(
    View<T const, 2> x,
    View<std::int32_t const, 1> index,
    View<float const, 1> weight,
    View<T, 2> y,
    Stream stream
) {
    require_shape("gather_scaled_rows: y", y, {index.shape[0], x.shape[1]});
    require_shape("gather_scaled_rows: weight", weight, index.shape);
    require_one_device("gather_scaled_rows", x, index, weight, y);
    switch (x.device) {
        case Device::cpu: return cpu::gather_scaled_rows(x, index, weight, y, stream);
        case Device::cuda: return cuda::gather_scaled_rows(x, index, weight, y, stream);
    }
}

template <class T>
void sum_rows(
    View<T const, 2> x,
    View<std::int32_t const, 1> begin,
    View<std::int32_t const, 1> index,
    View<float const, 1> weight,
    View<T, 2> y,
    Stream stream
) {
    require_shape("sum_rows: begin", begin, {y.shape[0] + 1});
    require_shape("sum_rows: y", y, {y.shape[0], x.shape[1]});
    require_one_device("sum_rows", x, begin, index, y);
    if (weight.data != nullptr) {
        require_shape("sum_rows: weight", weight, index.shape);
        require_one_device("sum_rows", x, weight);
    }
    switch (x.device) {
        case Device::cpu: return cpu::sum_rows(x, begin, index, weight, y, stream);
        case Device::cuda: return cuda::sum_rows(x, begin, index, weight, y, stream);
    }
}

template <class T>
void row_dots(
    View<T const, 2> a,
    View<std::int32_t const, 1> a_index,
    View<T const, 2> b,
    View<float, 1> dot,
    Stream stream
) {
    require_shape("row_dots: b", b, {a_index.shape[0], a.shape[1]});
    require_shape("row_dots: dot", dot, a_index.shape);
    require_one_device("row_dots", a, a_index, b, dot);
    switch (a.device) {
        case Device::cpu: return cpu::row_dots(a, a_index, b, dot, stream);
        case Device::cuda: return cuda::row_dots(a, a_index, b, dot, stream);
    }
}

template decltype(gather_rows<float>) gather_rows<float>;
template decltype(gather_rows<bf16>) gather_rows<bf16>;
template decltype(gather_scaled_rows<float>) gather_scaled_rows<float>;
template decltype(gather_scaled_rows<bf16>) gather_scaled_rows<bf16>;
template decltype(sum_rows<float>) sum_rows<float>;
template decltype(sum_rows<bf16>) sum_rows<bf16>;
template decltype(row_dots<float>) row_dots<float>;
template decltype(row_dots<bf16>) row_dots<bf16>;

}  // namespace isogloss
