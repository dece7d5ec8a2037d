// tests/device/copy_test.cpp
#include "device/copy.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <numeric>
#include <vector>

#include "support/expect_error.h"

namespace isogloss {
namespace {

TEST(CopyTest, OnTheCpuTheHostReadsAndWritesInPlace) {
    std::vector<float> values{1.0F, 2.0F, 3.0F, 4.0F, 5.0F, 6.0F};
    View<float, 2> const x{values.data(), {2, 3}, Device::cpu};
    Buffer<float> room;
    auto const read = on_host(x, room, {});
    EXPECT_EQ(read.data, values.data());
    EXPECT_EQ(read.shape, x.shape);
    EXPECT_EQ(room.size(), 0);
    fill_from_host(x, {}, [&](View<float, 2> host) {
        EXPECT_EQ(host.data, values.data());
        std::ranges::fill(host.span(), 7.0F);
    });
    EXPECT_EQ(values, std::vector<float>(6, 7.0F));
}

TEST(CopyTest, ToAnArenaOfTheCpuElementsAreCopied) {
    std::vector<std::int32_t> from(1001);
    std::iota(from.begin(), from.end(), 3);
    Arena arena(Device::cpu);
    auto const to = copy_to(arena, std::span<std::int32_t const>(from), {});
    EXPECT_NE(to.data, from.data());
    EXPECT_TRUE(std::ranges::equal(to.span(), from));
}

}  // namespace
}  // namespace isogloss
