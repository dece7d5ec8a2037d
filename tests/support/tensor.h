// support/tensor.h - tensors of the tests: random or poisoned, read back as double.
#pragma once

#include <gtest/gtest.h>
#include <omp.h>

#include <array>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <functional>
#include <limits>
#include <string_view>
#include <type_traits>
#include <vector>

#include "base/random.h"
#include "device/view.h"

namespace isogloss::test {

/// Half the distance between 1 and the next number: the largest relative error of one rounding.
template <class T>
constexpr double rounding_of() {
    return std::is_same_v<T, float> ? 0x1p-24 : 0x1p-8;
}
constexpr double kFloatRounding = rounding_of<float>();

/// Owns its elements, which start as NaN (or -77777) so that what is not written shows.
template <class T, std::size_t rank>
class Tensor {
public:
    explicit Tensor(std::array<std::int64_t, rank> const& shape)
        : shape_(shape), data_(static_cast<std::size_t>(view().size()), poison()) {}

    Tensor(std::array<std::int64_t, rank> const& shape, double value) : Tensor(shape) {
        std::fill(data_.begin(), data_.end(), from_double(value));
    }

    /// Normal numbers of the given spread, rounded to T; others for another name.
    static Tensor normal(
        std::array<std::int64_t, rank> const& shape, std::string_view name, double spread = 1.0
    ) {
        Tensor made(shape);
        for (std::size_t i = 0; i < made.data_.size(); ++i) {
            made.data_[i] = from_double(spread * random_normal(7, random_stream(name), i));
        }
        return made;
    }

    /// Integers in [0, limit).
    static Tensor below(
        std::array<std::int64_t, rank> const& shape, std::string_view name, std::int64_t limit
    ) {
        Tensor made(shape);
        for (std::size_t i = 0; i < made.data_.size(); ++i) {
            made.data_[i] = static_cast<T>(
                random_bits(7, random_stream(name), i) % static_cast<std::uint64_t>(limit)
            );
        }
        return made;
    }

    [[nodiscard]] View<T, rank> view() { return {data_.data(), shape_, Device::cpu}; }
    [[nodiscard]] View<T const, rank> view() const { return {data_.data(), shape_, Device::cpu}; }
    [[nodiscard]] View<T const, rank> in() const { return view(); }

    [[nodiscard]] std::int64_t size() const { return view().size(); }
    [[nodiscard]] T& raw(std::int64_t i) { return data_[static_cast<std::size_t>(i)]; }
    [[nodiscard]] double operator[](std::int64_t i) const {
        T const value = data_[static_cast<std::size_t>(i)];
        if constexpr (std::is_same_v<T, std::int32_t>) {
            return value;
        } else {
            return static_cast<double>(to_float(value));
        }
    }
    [[nodiscard]] std::vector<double> doubles() const {
        std::vector<double> all(data_.size());
        for (std::size_t i = 0; i < all.size(); ++i) {
            all[i] = (*this)[static_cast<std::int64_t>(i)];
        }
        return all;
    }
    [[nodiscard]] bool same_bits(Tensor const& other) const {
        return shape_ == other.shape_ &&
               (data_.empty() ||
                std::memcmp(data_.data(), other.data_.data(), data_.size() * sizeof(T)) == 0);
    }

private:
    static T from_double(double x) {
        if constexpr (std::is_same_v<T, std::int32_t>) {
            return static_cast<std::int32_t>(x);
        } else {
            return from_float<T>(static_cast<float>(x));
        }
    }
    static T poison() {
        if constexpr (std::is_same_v<T, std::int32_t>) {
            return -77777;
        } else {
            return from_float<T>(std::numeric_limits<float>::quiet_NaN());
        }
    }

    std::array<std::int64_t, rank> shape_;
    std::vector<T> data_;
};

/// Each element within its own bound; NaN is never near.
template <class T, std::size_t rank>
void expect_near(
    Tensor<T, rank> const& got,
    std::vector<double> const& expected,
    std::function<double(std::size_t)> const& bound
) {
    ASSERT_EQ(static_cast<std::size_t>(got.size()), expected.size());
    for (std::size_t i = 0; i < expected.size(); ++i) {
        ASSERT_NEAR(got[static_cast<std::int64_t>(i)], expected[i], bound(i)) << "element " << i;
    }
}

/// d f / d x[i] for all i by central differences in double: error about step^2 |f'''| / 6, and
/// 1e-16 |f| / step of cancellation.
inline std::vector<double> central_differences(
    std::function<double(std::vector<double> const&)> const& f,
    std::vector<double> x,
    double step = 1e-4
) {
    std::vector<double> slope(x.size());
    for (std::size_t i = 0; i < x.size(); ++i) {
        double const middle = x[i];
        x[i] = middle + step;
        double const above = f(x);
        x[i] = middle - step;
        double const below = f(x);
        x[i] = middle;
        slope[i] = (above - below) / (2 * step);
    }
    return slope;
}

/// Calls `body` with each of several numbers of OpenMP threads; leaves the number as it was.
inline void for_thread_counts(std::function<void(int threads)> const& body) {
    int const before = omp_get_max_threads();
    for (int const threads : {1, 2, 3, 7}) {
        omp_set_num_threads(threads);
        body(threads);
    }
    omp_set_num_threads(before);
}

using FloatTypes = ::testing::Types<float, bf16>;

}  // namespace isogloss::test
