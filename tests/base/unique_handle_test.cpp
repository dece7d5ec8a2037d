// tests/base/unique_handle_test.cpp
#include "base/unique_handle.h"

#include <gtest/gtest.h>

#include <type_traits>
#include <vector>

namespace isogloss {
namespace {

struct CountingTraits {
    using type = int;
    static type null() noexcept { return -1; }
    static void release(type handle) noexcept { released.push_back(handle); }
    static inline std::vector<int> released;
};
using Handle = UniqueHandle<CountingTraits>;

class UniqueHandleTest : public testing::Test {
protected:
    UniqueHandleTest() { CountingTraits::released.clear(); }
    static std::vector<int> const& released() { return CountingTraits::released; }
};

TEST_F(UniqueHandleTest, FreesOnceAtTheEnd) {
    {
        Handle const handle(3);
        EXPECT_EQ(handle.get(), 3);
        EXPECT_TRUE(released().empty());
    }
    EXPECT_EQ(released(), (std::vector<int>{3}));
}

TEST_F(UniqueHandleTest, NothingIsFreedForNull) {
    { Handle const handle; }
    { Handle const handle(-1); }
    EXPECT_TRUE(released().empty());
}

TEST_F(UniqueHandleTest, MovingLeavesNullBehind) {
    {
        Handle first(3);
        Handle const second(std::move(first));
        EXPECT_EQ(first.get(), -1);  // NOLINT(bugprone-use-after-move): the claim
        EXPECT_EQ(second.get(), 3);
    }
    EXPECT_EQ(released(), (std::vector<int>{3}));
}

TEST_F(UniqueHandleTest, AssigningFreesTheOldOneAtOnce) {
    Handle first(3);
    first = Handle(4);
    EXPECT_EQ(released(), (std::vector<int>{3}));
    EXPECT_EQ(first.get(), 4);
    first = Handle();
    EXPECT_EQ(released(), (std::vector<int>{3, 4}));
}

TEST_F(UniqueHandleTest, AssigningToItselfKeepsTheHandle) {
    Handle handle(3);
    auto& same = handle;
    handle = std::move(same);
    EXPECT_EQ(handle.get(), 3);
    EXPECT_TRUE(released().empty());
}

static_assert(!std::is_copy_constructible_v<Handle> && !std::is_copy_assignable_v<Handle>);
static_assert(std::is_nothrow_move_constructible_v<Handle>);

}  // namespace
}  // namespace isogloss
