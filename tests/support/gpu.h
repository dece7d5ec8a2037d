// tests/support/gpu.h - what tests need that run an operation on the CPU and on a GPU.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <vector>

#include "device/copy.h"
#include "device/cuda_device.h"

/// Ends a test, as skipped, where there is no GPU.
#define ISOGLOSS_NEEDS_GPU()                                              \
    if (::isogloss::cuda::num_devices() == 0) {                           \
        GTEST_SKIP() << "no GPU here, or this is a build without CUDA\n"; \
    }

namespace isogloss::test {

inline constexpr std::array kBothDevices{Device::cpu, Device::cuda};

/// One tensor on the CPU and one on the GPU. Starts poisoned: bytes of 0xFF are NaN and -1.
template <class T, std::size_t rank>
class Twin {
public:
    explicit Twin(std::array<std::int64_t, rank> const& shape) : shape_(shape) {
        std::vector<T> poison(size());
        std::memset(static_cast<void*>(poison.data()), 0xFF, poison.size() * sizeof(T));
        fill(poison);
    }
    /// element(i) for every i.
    template <class Element>
    Twin(std::array<std::int64_t, rank> const& shape, Element const& element) : Twin(shape) {
        std::vector<T> values(size());
        for (std::size_t i = 0; i < values.size(); ++i) {
            values[i] = element(i);
        }
        fill(values);
    }

    [[nodiscard]] View<T, rank> on(Device device) const {
        return (device == Device::cpu ? host_ : gpu_).view(shape_);
    }
    [[nodiscard]] std::vector<T> values(Device device) const {
        Buffer<T> room;
        auto const view = on_host(on(device), room, Stream{});
        return {view.span().begin(), view.span().end()};
    }

private:
    [[nodiscard]] std::size_t size() const {
        return static_cast<std::size_t>(View<T, rank>{nullptr, shape_}.size());
    }
    void fill(std::vector<T> const& values) {
        host_ = Buffer<T>(Device::cpu, static_cast<std::int64_t>(size()));
        gpu_ = Buffer<T>(Device::cuda, static_cast<std::int64_t>(size()));
        for (auto device : kBothDevices) {
            fill_from_host(on(device), Stream{}, [&](auto host) {
                std::ranges::copy(values, host.data);
            });
        }
    }

    std::array<std::int64_t, rank> shape_;
    Buffer<T> host_;
    Buffer<T> gpu_;
};

/// The same bits on both. T has ==; NaN, as poison that nobody overwrote, is equal to nothing.
template <class T, std::size_t rank>
void expect_equal(Twin<T, rank> const& x, char const* what) {
    auto const cpu = x.values(Device::cpu);
    auto const gpu = x.values(Device::cuda);
    for (std::size_t i = 0; i < cpu.size(); ++i) {
        ASSERT_EQ(cpu[i], gpu[i]) << what << ", element " << i;
    }
}

/// |gpu - cpu| <= bound, element by element; false for NaN.
template <class T, std::size_t rank>
void expect_near(Twin<T, rank> const& x, double bound, char const* what) {
    auto const cpu = x.values(Device::cpu);
    auto const gpu = x.values(Device::cuda);
    for (std::size_t i = 0; i < cpu.size(); ++i) {
        ASSERT_NEAR(to_float(cpu[i]), to_float(gpu[i]), bound) << what << ", element " << i;
    }
}

}  // namespace isogloss::test
