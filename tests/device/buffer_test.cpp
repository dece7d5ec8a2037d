// tests/device/buffer_test.cpp
#include "device/buffer.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <limits>

#include "support/expect_error.h"

namespace isogloss {
namespace {

TEST(BufferTest, MemoryIsZeroedAndAligned) {
    for (std::int64_t const size : {1, 7, 64, 1000}) {
        {  // leave something behind that the next allocation may find
            Buffer<float> const dirty(Device::cpu, size);
            std::ranges::fill(dirty.view().span(), 1.0F);
        }
        Buffer<float> const buffer(Device::cpu, size);
        EXPECT_EQ(buffer.size(), size);
        EXPECT_EQ(reinterpret_cast<std::uintptr_t>(buffer.data()) % 64, 0U);
        EXPECT_EQ(std::ranges::count(buffer.view().span(), 0.0F), size);
    }
}

TEST(BufferTest, AnEmptyOneHasNoMemory) {
    Buffer<float> const buffer(Device::cpu, 0);
    EXPECT_EQ(buffer.data(), nullptr);
    EXPECT_EQ(buffer.view().size(), 0);
}

TEST(BufferTest, MovingTakesTheMemoryAlong) {
    Buffer<int> first(Device::cpu, 3);
    auto* const data = first.data();
    data[2] = 7;
    Buffer<int> const second(std::move(first));
    EXPECT_EQ(second.data(), data);
    EXPECT_EQ(second.view().span()[2], 7);
    EXPECT_EQ(first.data(), nullptr);  // NOLINT(bugprone-use-after-move): the claim
}

TEST(BufferTest, AViewHasTheShapeAskedFor) {
    Buffer<float> const buffer(Device::cpu, 12);
    auto const view = buffer.view<2>({3, 4});
    EXPECT_EQ(view.size(), 12);
    EXPECT_EQ(view.rows(1, 3).data, buffer.data() + 4);
    EXPECT_EQ(view.rows(1, 3).shape[0], 2);
    EXPECT_EQ(view.flat().shape[0], 12);
}

TEST(BufferTest, WhatIsNotToBeHadIsToldWithItsSize) {
    test::expect_error(Exit::internal, "-4 bytes", [] { Memory(Device::cpu, -4); });
    auto const bytes = std::int64_t{1} << 60;
    test::expect_error(Exit::environment, std::to_string(bytes), [&] {
        Memory(Device::cpu, bytes);
    });
}

}  // namespace
}  // namespace isogloss
