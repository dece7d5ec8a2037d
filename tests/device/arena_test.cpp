// tests/device/arena_test.cpp
#include "device/arena.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "support/expect_error.h"

namespace isogloss {
namespace {

TEST(ArenaTest, PiecesAreAlignedAndDoNotOverlap) {
    Arena arena(Device::cpu, 4096);
    auto const first = arena.take<float, 2>({3, 5});
    auto const second = arena.take<float, 1>({1});
    auto const third = arena.take<std::int32_t, 1>({2});
    std::ranges::fill(first.span(), 1.0F);
    std::ranges::fill(second.span(), 2.0F);
    std::ranges::fill(third.span(), 3);
    EXPECT_EQ(std::ranges::count(first.span(), 1.0F), 15);
    EXPECT_EQ(second.span()[0], 2.0F);
    for (void const* data :
         {static_cast<void*>(first.data), static_cast<void*>(second.data),
          static_cast<void*>(third.data)}) {
        EXPECT_EQ(reinterpret_cast<std::uintptr_t>(data) % 64, 0U);
    }
    EXPECT_EQ(arena.num_allocations(), 1);
    EXPECT_EQ(arena.peak_bytes(), 3 * 64);
}

TEST(ArenaTest, WhatWasTakenAfterAMarkIsGivenBack) {
    Arena arena(Device::cpu, 4096);
    auto const kept = arena.take<float, 1>({16});
    auto const mark = arena.mark();
    auto* const scratch = arena.take<float, 1>({100}).data;
    arena.release(mark);
    EXPECT_EQ((arena.take<float, 1>({1}).data), scratch);
    EXPECT_NE(kept.data, scratch);
    float* inside = nullptr;
    {
        ArenaScope const scope(arena);
        inside = arena.take<float, 1>({1}).data;
    }
    EXPECT_EQ((arena.take<float, 1>({1}).data), inside);
}

TEST(ArenaTest, ViewsStayValidWhenItGrows) {
    Arena arena(Device::cpu, 64);
    auto const first = arena.take<float, 1>({16});
    std::ranges::fill(first.span(), 1.0F);
    auto const large = arena.take<float, 1>({1 << 20});
    std::ranges::fill(large.span(), 2.0F);
    EXPECT_EQ(std::ranges::count(first.span(), 1.0F), 16);
    EXPECT_EQ(arena.num_allocations(), 2);
}

TEST(ArenaTest, FromTheSecondStepOnNothingIsAllocated) {
    Arena arena(Device::cpu);
    std::int64_t after_second = 0;
    for (int step = 0; step < 5; ++step) {
        for (int i = 0; i < 10; ++i) {
            static_cast<void>(arena.take<float, 2>({300, 1000}));
        }
        arena.reset();
        if (step == 1) {
            after_second = arena.num_allocations();
        }
    }
    EXPECT_EQ(arena.num_allocations(), after_second);
    EXPECT_GE(arena.peak_bytes(), 10 * 300 * 1000 * 4);
}

// The third step's pieces fit into the eighth more of the block made after the second: 2 MB, 3 MB,
// then 3 MB + 1 % and so on up to 3 MB + 12 %.
TEST(ArenaTest, APeakThatCreepsUpAllocatesNothing) {
    Arena arena(Device::cpu);
    auto const step = [&](std::int64_t bytes) {
        for (int piece = 0; piece < 4; ++piece) {
            static_cast<void>(arena.take<std::byte, 1>({bytes / 4}));
        }
        arena.reset();
    };
    step(2'000'000);
    step(3'000'000);
    auto const before = arena.num_allocations();
    for (std::int64_t percent = 1; percent <= 12; ++percent) {
        step(3'000'000 + percent * 30'000);
        EXPECT_EQ(arena.num_allocations(), before) << percent << " % more";
    }
    step(6'000'000);
    EXPECT_GT(arena.num_allocations(), before);
}

TEST(ArenaTest, EmptyPiecesAreFine) {
    Arena arena(Device::cpu);
    EXPECT_EQ((arena.take<float, 2>({0, 7}).size()), 0);
    EXPECT_EQ(arena.peak_bytes(), 0);
}

TEST(ArenaTest, MarksAreReleasedInReverse) {
    Arena arena(Device::cpu, 4096);
    auto const low = arena.mark();
    static_cast<void>(arena.take<float, 1>({1}));
    auto const high = arena.mark();
    arena.release(low);
    test::expect_error(Exit::internal, "reverse order", [&] { arena.release(high); });
}

}  // namespace
}  // namespace isogloss
