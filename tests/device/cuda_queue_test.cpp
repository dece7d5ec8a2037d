// tests/device/cuda_queue_test.cpp
#include <gtest/gtest.h>

#include <cstring>
#include <numeric>
#include <vector>

#include "device/buffer.h"
#include "device/copy.h"
#include "device/cuda_device.h"
#include "device/cuda_event.h"
#include "support/expect_error.h"

namespace isogloss {
namespace {

std::vector<std::int32_t> host_copy(View<std::int32_t, 1> x) {
    Buffer<std::int32_t> room;
    auto const host = on_host(x, room, {});
    return {host.data, host.data + host.size()};
}

TEST(CudaMemoryTest, NewMemoryIsZero) {
    constexpr std::int64_t kSize = 1'000'003;
    for (int i = 0; i < 3; ++i) {
        Buffer<std::int32_t> const memory(Device::cuda, kSize);
        EXPECT_EQ(host_copy(memory.view()), std::vector<std::int32_t>(kSize, 0));
        // What the next one may get from CUDA is not zero.
        fill_from_host(memory.view(), {}, [](View<std::int32_t, 1> host) {
            std::fill_n(host.data, host.size(), -1);
        });
    }
}

TEST(CudaMemoryTest, WhatWasCopiedComesBackThoughTheSourceChanged) {
    Arena arena(Device::cuda);
    std::vector<std::int32_t> numbers(300'001);
    std::iota(numbers.begin(), numbers.end(), 5);
    auto const expected = numbers;
    auto const there = copy_to<std::int32_t>(arena, numbers, {});
    std::fill(numbers.begin(), numbers.end(), 0);
    auto const again = arena.take<std::int32_t, 1>(there.shape);
    cuda::copy(again.data, there.data, numbers.size() * sizeof(std::int32_t), {});
    EXPECT_EQ(host_copy(again), expected);
}

TEST(CudaMemoryTest, MemoryThatIsNotThereIsRefusedWithItsSizeAndTheNextRequestServed) {
    auto const all = cuda::device_properties().memory_bytes;
    test::expect_error(Exit::environment, std::to_string(2 * all) + " bytes of GPU memory", [&] {
        Memory(Device::cuda, 2 * all);
    });
    EXPECT_NE(Memory(Device::cuda, 64).data(), nullptr);
}

TEST(CudaDeviceTest, AGpuThatIsNotThereIsRefused) {
    test::expect_error(Exit::environment, "CUDA_VISIBLE_DEVICES", [] {
        cuda::choose_device(cuda::num_devices());
    });
    cuda::choose_device(0);
    EXPECT_GT(cuda::device_properties().multiprocessors, 0);
    EXPECT_LE(cuda::free_device_memory(), cuda::device_properties().memory_bytes);
}

TEST(CudaEventTest, TimeRisesAlongTheQueue) {
    Buffer<std::byte> const a(Device::cuda, std::int64_t{64} << 20);
    Buffer<std::byte> const b(Device::cuda, a.size());
    cuda::Event const begin({});
    for (int i = 0; i < 10; ++i) {
        cuda::copy(b.data(), a.data(), static_cast<std::size_t>(a.size()), {});
    }
    cuda::Event const end({});
    double const seconds = end.seconds_since(begin);
    // 1.25 GiB through memory: no GPU does it in 10 us or needs a second.
    EXPECT_GT(seconds, 1e-5);
    EXPECT_LT(seconds, 1.0);
}

}  // namespace
}  // namespace isogloss
