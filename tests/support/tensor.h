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
#include <utility>
#include <vector>

#include "base/random.h"
#include "device/buffer.h"
#include "device/cuda_memory.h"
#include "device/view.h"
#include "support/test_device.h"

namespace isogloss::test {

/// Half the distance between 1 and the next number: the largest relative error of one rounding.
template <class T>
constexpr double rounding_of() {
    return std::is_same_v<T, float> ? 0x1p-24 : 0x1p-8;
}
constexpr double kFloatRounding = rounding_of<float>();

/// Owns its elements, which start as NaN (or -77777) so that what is not written shows.
///
/// Views lie on test_device(). Where that is a GPU, taking a view copies the elements there, and
/// reading one after the tensor was open to writing copies them back: take a new view for each call
/// that writes. Off a boundary where test_alignment() says so.
template <class T, std::size_t rank>
class Tensor {
public:
    explicit Tensor(std::array<std::int64_t, rank> const& shape)
        : shape_(shape), data_(static_cast<std::size_t>(size()), poison()) {}
    Tensor(Tensor const& other) : shape_(other.shape_), data_(other.here()) {}
    Tensor(Tensor&&) noexcept = default;
    Tensor& operator=(Tensor const&) = delete;
    Tensor& operator=(Tensor&&) noexcept = default;
    ~Tensor() = default;

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

    static Tensor of(std::array<std::int64_t, rank> const& shape, std::vector<T> elements) {
        Tensor made(shape);
        EXPECT_EQ(made.data_.size(), elements.size());
        made.data_ = std::move(elements);
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

    [[nodiscard]] View<T, rank> view() {
        T* const there = on_device();
        newer_there_ = tests_cuda();
        return {there, shape_, test_device()};
    }
    [[nodiscard]] View<T const, rank> view() const { return {on_device(), shape_, test_device()}; }
    [[nodiscard]] View<T const, rank> in() const { return view(); }

    /// On the host, whatever device the test is about.
    [[nodiscard]] View<T, rank> host() { return {here().data(), shape_, Device::cpu}; }
    [[nodiscard]] View<T const, rank> host() const { return {here().data(), shape_, Device::cpu}; }

    [[nodiscard]] std::int64_t size() const { return View<T, rank>{nullptr, shape_}.size(); }
    [[nodiscard]] T& raw(std::int64_t i) { return here()[static_cast<std::size_t>(i)]; }
    [[nodiscard]] T raw(std::int64_t i) const { return here()[static_cast<std::size_t>(i)]; }
    [[nodiscard]] double operator[](std::int64_t i) const {
        T const value = here()[static_cast<std::size_t>(i)];
        if constexpr (std::is_same_v<T, std::int32_t> || std::is_same_v<T, double>) {
            return value;
        } else {
            return static_cast<double>(to_float(value));
        }
    }
    [[nodiscard]] std::vector<double> doubles() const {
        std::vector<double> all(here().size());
        for (std::size_t i = 0; i < all.size(); ++i) {
            all[i] = (*this)[static_cast<std::int64_t>(i)];
        }
        return all;
    }
    [[nodiscard]] bool same_bits(Tensor const& other) const {
        auto const& ours = here();
        auto const& theirs = other.here();
        return shape_ == other.shape_ &&
               (ours.empty() ||
                std::memcmp(ours.data(), theirs.data(), ours.size() * sizeof(T)) == 0);
    }

private:
    /// The elements on the host, as they are now.
    std::vector<T>& here() const {
        if (newer_there_ && !data_.empty()) {
            cuda::copy_to_host(
                data_.data(), memory_.data() + test_shift(), data_.size() * sizeof(T), {}
            );
        }
        newer_there_ = false;
        return data_;
    }
    /// The elements on the test's device, as they are now.
    T* on_device() const {
        if (!tests_cuda()) {
            return data_.data();
        }
        if (memory_.size() == 0) {
            memory_ = Buffer<T>(Device::cuda, size() + test_shift());
        }
        T* const there = memory_.data() + test_shift();
        if (!newer_there_ && !data_.empty()) {
            cuda::copy_from_host(there, data_.data(), data_.size() * sizeof(T), {});
        }
        return there;
    }
    static T from_double(double x) {
        if constexpr (std::is_same_v<T, std::int32_t>) {
            return static_cast<std::int32_t>(x);
        } else if constexpr (std::is_same_v<T, double>) {
            return x;
        } else {
            return from_float<T>(static_cast<float>(x));
        }
    }
    static T poison() {
        if constexpr (std::is_same_v<T, std::int32_t>) {
            return -77777;
        } else if constexpr (std::is_same_v<T, double>) {
            return std::numeric_limits<double>::quiet_NaN();
        } else {
            return from_float<T>(std::numeric_limits<float>::quiet_NaN());
        }
    }

    std::array<std::int64_t, rank> shape_;
    std::vector<T> mutable data_;
    Buffer<T> mutable memory_;  ///< on a GPU
    bool mutable newer_there_ = false;
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
