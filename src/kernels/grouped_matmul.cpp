// kernels/grouped_matmul.cpp
#include "kernels/grouped_matmul.h"

#include <algorithm>

#include "kernels/backend.h"
#include "kernels/checks.h"

namespace isogloss {
namespace {

/// Groups must cover the rows in order.
void require_groups(std::span<std::int64_t const> begin, std::size_t groups, std::int64_t rows) {
    require(
        begin.size() == groups + 1, "grouped_matmul: {} borders for {} weights; there must be {}",
        begin.size(), groups, groups + 1
    );
    require(
        begin.front() == 0 && begin.back() == rows && std::is_sorted(begin.begin(), begin.end()),
        "grouped_matmul: the borders must rise from 0 to {}; they go from {} to {}", rows,
        begin.front(), begin.back()
    );
}

}  // namespace

template <class T>
void grouped_matmul_nt(
    View<T const, 2> x,
    std::span<std::int64_t const> begin,
    std::span<View<T const, 2> const> weight,
    View<T, 2> y,
    Stream stream
) {
    require_groups(begin, weight.size(), x.shape[0]);
    require_shape("grouped_matmul_nt: y", y, {x.shape[0], y.shape[1]});
    require_one_device("grouped_matmul_nt", x, y);
    for (auto const& w : weight) {
        require_shape("grouped_matmul_nt: weight", w, {y.shape[1], x.shape[1]});
        require_one_device("grouped_matmul_nt", x, w);
    }
    switch (x.device) {
        case Device::cpu: return cpu::grouped_matmul_nt(x, begin, weight, y, stream);
        case Device::cuda: return cuda::grouped_matmul_nt(x, begin, weight, y, stream);
    }
}

template <class T>
void grouped_matmul_nn(
    View<T const, 2> dy,
    std::span<std::int64_t const> begin,
    std::span<View<T const, 2> const> weight,
    View<T, 2> dx,
    Stream stream
) {
    require_groups(begin, weight.size(), dy.shape[0]);
    require_shape("grouped_matmul_nn: dx", dx, {dy.shape[0], dx.shape[1]});
    require_one_device("grouped_matmul_nn", dy, dx);
    for (auto const& w : weight) {
        require_shape("grouped_matmul_nn: weight", w, {dy.shape[1], dx.shape[1]});
        require_one_device("grouped_matmul_nn", dy, w);
    }
    switch (dy.device) {
        case Device::cpu: return cpu::grouped_matmul_nn(dy, begin, weight, dx, stream);
        case Device::cuda: return cuda::grouped_matmul_nn(dy, begin, weight, dx, stream);
    }
}

template <class T>
void grouped_matmul_tn(
    View<T const, 2> dy,
    View<T const, 2> x,
    std::span<std::int64_t const> begin,
    std::span<GradientSum const> dweight,
    Stream stream
) {
    require_groups(begin, dweight.size(), dy.shape[0]);
    require_shape("grouped_matmul_tn: x", x, {dy.shape[0], x.shape[1]});
    require_one_device("grouped_matmul_tn", dy, x);
    for (auto const& dw : dweight) {
        if (dw.exists()) {
            require_shape("grouped_matmul_tn: dweight", dw.sum, {dy.shape[1], x.shape[1]});
            require_one_device("grouped_matmul_tn", dy, dw.sum);
        }
    }
    switch (dy.device) {
        case Device::cpu: return cpu::grouped_matmul_tn(dy, x, begin, dweight, stream);
        case Device::cuda: return cuda::grouped_matmul_tn(dy, x, begin, dweight, stream);
    }
}

template decltype(grouped_matmul_nt<float>) grouped_matmul_nt<float>;
template decltype(grouped_matmul_nt<bf16>) grouped_matmul_nt<bf16>;
template decltype(grouped_matmul_nn<float>) grouped_matmul_nn<float>;
template decltype(grouped_matmul_nn<bf16>) grouped_matmul_nn<bf16>;
template decltype(grouped_matmul_tn<float>) grouped_matmul_tn<float>;
template decltype(grouped_matmul_tn<bf16>) grouped_matmul_tn<bf16>;

}  // namespace isogloss
