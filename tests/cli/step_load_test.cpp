// tests/cli/step_load_test.cpp
#include "cli/step_load.h"

#include <gtest/gtest.h>

namespace isogloss {
namespace {

// The first expert lives on the first rank, the others on the last. Each rank chose them 10, 30, 20
// and 20 times in the layer with a router: 20 is the mean of the experts, 40 of two ranks' loads of
// 10 and 70.
TEST(StepLoadTest, IsTheBusiestOfTheMeanCountedByHand) {
    auto const world = MpiComm::split(MPI_COMM_WORLD, 0, 0);
    int const last = world.size() - 1;
    Placement const placement{{{{{0}}}, {{{0}, {last}, {last}, {last}}}}};
    PassResult pass;
    pass.expert_tokens = {{}, {10, 30, 20, 20}};
    auto const load = load_of(pass, placement, world);
    EXPECT_DOUBLE_EQ(load.expert, 1.5);
    ASSERT_LE(world.size(), 2);
    EXPECT_DOUBLE_EQ(load.rank, world.size() == 1 ? 1.0 : 1.75);
}

TEST(StepLoadTest, IsOneWithoutARouterAndWithoutTokens) {
    auto const world = MpiComm::split(MPI_COMM_WORLD, 0, 0);
    Placement const placement{{{{{0}, {0}}}}};
    PassResult pass;
    pass.expert_tokens = {{}};
    EXPECT_EQ(load_of(pass, placement, world).expert, 1.0);
    pass.expert_tokens = {{0, 0}};
    auto const load = load_of(pass, placement, world);
    EXPECT_EQ(load.expert, 1.0);
    EXPECT_EQ(load.rank, 1.0);
}

}  // namespace
}  // namespace isogloss
