// kernels/product.cpp
#include "kernels/product.h"

#include <omp.h>

#include <algorithm>
#include <array>
#include <map>
#include <oneapi/dnnl/dnnl.hpp>
#include <type_traits>
#include <vector>

namespace isogloss::cpu {
namespace {

using DnnlType = dnnl::memory::data_type;

template <class T>
constexpr DnnlType dnnl_type() {
    return std::is_same_v<T, float> ? DnnlType::f32 : DnnlType::bf16;
}

/// A compiled product and the places of its operands.
struct Compiled {
    dnnl::matmul run;
    dnnl::memory a;
    dnnl::memory b;
    dnnl::memory c;
};

/// All that the compiled code depends on.
struct Form {
    std::int64_t n, k, m;
    std::array<std::int64_t, 2> a_strides, b_strides;
    std::int64_t c_stride;
    DnnlType in, out;
    Write write;
    int threads;

    auto operator<=>(Form const&) const = default;
};

/// The products a thread has compiled so far. Emptied when it grows beyond what any step needs.
class ProductCache {
public:
    Compiled& find(Form const& form) {
        auto place = compiled_.find(form);
        if (place == compiled_.end()) {
            if (compiled_.size() >= kMostProducts) {
                compiled_.clear();
            }
            place = compiled_.emplace(form, compile(form)).first;
        }
        return place->second;
    }

    dnnl::stream& stream() { return stream_; }

private:
    static constexpr std::size_t kMostProducts = 2048;

    Compiled compile(Form const& form) {
        auto const [n, k, m] = std::array{form.n, form.k, form.m};
        dnnl::memory::desc const a(
            {n, k}, form.in, dnnl::memory::dims{form.a_strides[0], form.a_strides[1]}
        );
        dnnl::memory::desc const b(
            {k, m}, form.in, dnnl::memory::dims{form.b_strides[0], form.b_strides[1]}
        );
        dnnl::memory::desc const c({n, m}, form.out, dnnl::memory::dims{form.c_stride, 1});
        dnnl::primitive_attr attributes;
        if (form.write == Write::add) {
            dnnl::post_ops sum;
            sum.append_sum(1.0F);
            attributes.set_post_ops(sum);
        }
        dnnl::matmul::primitive_desc const plan({a, b, c}, attributes, engine_);
        return {
            dnnl::matmul(plan), dnnl::memory(a, engine_, nullptr),
            dnnl::memory(b, engine_, nullptr), dnnl::memory(c, engine_, nullptr)};
    }

    dnnl::engine engine_{dnnl::engine::kind::cpu, 0};
    dnnl::stream stream_{engine_};
    std::map<Form, Compiled> compiled_;
};

template <class T, class C>
void run(Matrix<T const> a, Matrix<T const> b, Matrix<C> c, Write write) {
    thread_local ProductCache cache;
    Form const form{
        c.rows,
        a.columns,
        c.columns,
        {a.row_stride, a.column_stride},
        {b.row_stride, b.column_stride},
        c.row_stride,
        dnnl_type<T>(),
        dnnl_type<C>(),
        write,
        omp_get_max_threads()};
    Compiled& product = cache.find(form);
    // oneDNN's handles are not const; it only reads these two.
    product.a.set_data_handle(const_cast<T*>(a.data));
    product.b.set_data_handle(const_cast<T*>(b.data));
    product.c.set_data_handle(c.data);
    product.run.execute(
        cache.stream(),
        {{DNNL_ARG_SRC, product.a}, {DNNL_ARG_WEIGHTS, product.b}, {DNNL_ARG_DST, product.c}}
    );
    cache.stream().wait();
}

bool has_bf16_products() {
    static bool const has = dnnl::get_effective_cpu_isa() >= dnnl::cpu_isa::avx512_core;
    return has;
}

std::vector<float> widened(Matrix<bf16 const> x) {
    std::vector<float> wide(static_cast<std::size_t>(x.rows * x.columns));
    for (std::int64_t i = 0; i < x.rows; ++i) {
        for (std::int64_t j = 0; j < x.columns; ++j) {
            wide[static_cast<std::size_t>(i * x.columns + j)] =
                to_float(x.data[i * x.row_stride + j * x.column_stride]);
        }
    }
    return wide;
}

/// For processors on which oneDNN has no bf16 products: in float, then rounded.
template <class C>
void run_widened(Matrix<bf16 const> a, Matrix<bf16 const> b, Matrix<C> c, Write write) {
    auto const wide_a = widened(a);
    auto const wide_b = widened(b);
    std::vector<float> wide_c(static_cast<std::size_t>(c.rows * c.columns));
    run<float, float>(
        {wide_a.data(), a.rows, a.columns, a.columns, 1},
        {wide_b.data(), b.rows, b.columns, b.columns, 1},
        {wide_c.data(), c.rows, c.columns, c.columns, 1}, Write::replace
    );
    for (std::int64_t i = 0; i < c.rows; ++i) {
        C* const row = c.data + i * c.row_stride;
        for (std::int64_t j = 0; j < c.columns; ++j) {
            float const old = write == Write::add ? to_float(row[j]) : 0.0F;
            row[j] = from_float<C>(old + wide_c[static_cast<std::size_t>(i * c.columns + j)]);
        }
    }
}

}  // namespace

template <class T, class C>
void product(Matrix<T const> a, Matrix<T const> b, Matrix<C> c, Write write) {
    if (c.rows == 0 || c.columns == 0) {
        return;
    }
    if (a.columns == 0) {
        for (std::int64_t i = 0; write == Write::replace && i < c.rows; ++i) {
            std::fill_n(c.data + i * c.row_stride, c.columns, from_float<C>(0.0F));
        }
        return;
    }
    if constexpr (std::is_same_v<T, bf16>) {
        if (!has_bf16_products()) {
            return run_widened(a, b, c, write);
        }
    }
    run(a, b, c, write);
}

template decltype(product<float, float>) product<float, float>;
template decltype(product<bf16, bf16>) product<bf16, bf16>;
template decltype(product<bf16, float>) product<bf16, float>;

}  // namespace isogloss::cpu
