// kernels/grouped_matmul_cpu.cpp
#include <algorithm>
#include <vector>

#include "kernels/backend.h"
#include "kernels/product.h"

namespace isogloss::cpu {
namespace {

/// Groups have any number of rows, but each new shape of product costs a millisecond of compiling.
/// So whole blocks of this many rows are one product, and the rest is padded to one more block.
constexpr std::int64_t kRowsPerProduct = 64;

/// The last rows of a group, copied into a block whose other rows are zeros.
template <class T>
class PaddedRows {
public:
    explicit PaddedRows(std::int64_t width)
        : width_(width), rows_(static_cast<std::size_t>(kRowsPerProduct * width)) {}

    Matrix<T const> copy_of(T const* from, std::int64_t count) {
        auto const end = std::copy_n(from, count * width_, rows_.begin());
        std::fill(end, rows_.end(), from_float<T>(0.0F));
        return {rows_.data(), kRowsPerProduct, width_, width_, 1};
    }
    Matrix<T> whole() { return {rows_.data(), kRowsPerProduct, width_, width_, 1}; }
    void copy_to(T* to, std::int64_t count) const {
        std::copy_n(rows_.begin(), count * width_, to);
    }

private:
    std::int64_t width_;
    std::vector<T> rows_;
};

/// out[r] = in[r] weight_of(g) for the rows r of each group g.
template <class T, class WeightOf>
void multiply_groups(
    View<T const, 2> in,
    std::span<std::int64_t const> begin,
    WeightOf const& weight_of,
    View<T, 2> out
) {
    PaddedRows<T> padded_in(in.shape[1]);
    PaddedRows<T> padded_out(out.shape[1]);
    for (std::size_t g = 0; g + 1 < begin.size(); ++g) {
        std::int64_t const rest = (begin[g + 1] - begin[g]) % kRowsPerProduct;
        std::int64_t const cut = begin[g + 1] - rest;
        product<T, T>(
            matrix(in.rows(begin[g], cut)), weight_of(g), matrix(out.rows(begin[g], cut)),
            Write::replace
        );
        if (rest > 0) {
            auto const last = padded_in.copy_of(in.data + cut * in.shape[1], rest);
            product<T, T>(last, weight_of(g), padded_out.whole(), Write::replace);
            padded_out.copy_to(out.data + cut * out.shape[1], rest);
        }
    }
}

}  // namespace

template <class T>
void grouped_matmul_nt(
    View<T const, 2> x,
    std::span<std::int64_t const> begin,
    std::span<View<T const, 2> const> weight,
    View<T, 2> y,
    Stream /*stream*/
) {
    multiply_groups(
        x, begin, [&](std::size_t g) { return matrix(weight[g]).transposed(); }, y
    );
}

template <class T>
void grouped_matmul_nn(
    View<T const, 2> dy,
    std::span<std::int64_t const> begin,
    std::span<View<T const, 2> const> weight,
    View<T, 2> dx,
    Stream /*stream*/
) {
    multiply_groups(
        dy, begin, [&](std::size_t g) { return matrix(weight[g]); }, dx
    );
}

template <class T>
void grouped_matmul_tn(
    View<T const, 2> dy,
    View<T const, 2> x,
    std::span<std::int64_t const> begin,
    std::span<GradientSum const> dweight,
    Stream /*stream*/
) {
    PaddedRows<T> padded_dy(dy.shape[1]);
    PaddedRows<T> padded_x(x.shape[1]);
    for (std::size_t g = 0; g < dweight.size(); ++g) {
        if (!dweight[g].exists()) {
            continue;
        }
        Write const write = dweight[g].next_write();
        auto const sum = matrix(dweight[g].sum);
        std::int64_t const rest = (begin[g + 1] - begin[g]) % kRowsPerProduct;
        std::int64_t const cut = begin[g + 1] - rest;
        product<T, float>(
            matrix(dy.rows(begin[g], cut)).transposed(), matrix(x.rows(begin[g], cut)), sum, write
        );
        if (rest > 0) {
            product<T, float>(
                padded_dy.copy_of(dy.data + cut * dy.shape[1], rest).transposed(),
                padded_x.copy_of(x.data + cut * x.shape[1], rest), sum, Write::add
            );
        }
    }
}

template decltype(grouped_matmul_nt<float>) grouped_matmul_nt<float>;
template decltype(grouped_matmul_nt<bf16>) grouped_matmul_nt<bf16>;
template decltype(grouped_matmul_nn<float>) grouped_matmul_nn<float>;
template decltype(grouped_matmul_nn<bf16>) grouped_matmul_nn<bf16>;
template decltype(grouped_matmul_tn<float>) grouped_matmul_tn<float>;
template decltype(grouped_matmul_tn<bf16>) grouped_matmul_tn<bf16>;

}  // namespace isogloss::cpu
