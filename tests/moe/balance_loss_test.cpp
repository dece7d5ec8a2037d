// tests/moe/balance_loss_test.cpp
#include "moe/balance_loss.h"

#include <gtest/gtest.h>

#include <vector>

namespace isogloss {
namespace {

class BalanceLossTest : public testing::Test {
protected:
    MpiComm group = MpiComm::split(MPI_COMM_WORLD, 0, 0);
    double ranks = group.size();

    // `all` where this is the last rank, nothing elsewhere: the sum over ranks is `all`.
    RoutingStats on_last_rank(RoutingStats all) const {
        if (group.rank() != group.size() - 1) {
            all.tokens = 0;
            all.router_choices.assign(all.router_choices.size(), 0);
            all.probability.assign(all.probability.size(), 0.0);
        }
        return all;
    }
};

TEST_F(BalanceLossTest, IsOneOrKWhereAllExpertsAreEquallyBusy) {
    // 4 experts, K = 2, 8 tokens a rank: 4 choices and a probability of 2 each.
    std::vector<RoutingStats> const layers{{8, {4, 4, 4, 4}, {2.0, 2.0, 2.0, 2.0}}};
    EXPECT_DOUBLE_EQ(balance_loss(layers, BalanceScale::one, 1.0, group).value, 1.0);
    EXPECT_DOUBLE_EQ(balance_loss(layers, BalanceScale::top_k, 1.0, group).value, 2.0);
}

TEST_F(BalanceLossTest, CountsTheTokensOfAllRanks) {
    // 2 experts, K = 1, 4 tokens: f = (3/4, 1/4), P = (0.6, 0.4):
    // L = 2 (3/4 0.6 + 1/4 0.4) = 1.1; slope_e = 0.01 * 2 f_e / 4.
    std::vector<RoutingStats> const layers{on_last_rank({4, {3, 1}, {2.4, 1.6}})};
    auto const loss = balance_loss(layers, BalanceScale::one, 0.01, group);
    EXPECT_DOUBLE_EQ(loss.value, 1.1);
    ASSERT_EQ(loss.slope.size(), 1U);
    EXPECT_FLOAT_EQ(loss.slope[0].at(0), 0.01F * 2.0F * 0.75F / 4.0F);
    EXPECT_FLOAT_EQ(loss.slope[0].at(1), 0.01F * 2.0F * 0.25F / 4.0F);
}

// The released code's E sum_e (fraction of tokens that chose e) P_e, where K = 2 and two of four
// tokens had but one expert to choose: 3 (2/4 0.5 + 3/4 0.3 + 1/4 0.2) = 1.575.
TEST_F(BalanceLossTest, TokensWithFewerChoicesThanKCountAsTheReleasedCodeCountsThem) {
    std::vector<RoutingStats> const layers{on_last_rank({4, {2, 3, 1}, {2.0, 1.2, 0.8}})};
    EXPECT_DOUBLE_EQ(balance_loss(layers, BalanceScale::top_k, 1.0, group).value, 1.575);
    EXPECT_DOUBLE_EQ(balance_loss(layers, BalanceScale::one, 1.0, group).value, 1.575 * 4.0 / 6.0);
}

TEST_F(BalanceLossTest, SlopeIsTheChangeOfTheValueWithOneTokensProbability) {
    // The loss is linear in the probabilities, so a difference of any size is exact.
    auto layers = std::vector<RoutingStats>{
        {5, {4, 3, 3}, {2.0, 1.0, 2.0}}, {5, {}, {}}, {5, {1, 1, 3}, {1.0, 1.0, 3.0}}};
    for (auto const scale : {BalanceScale::one, BalanceScale::top_k}) {
        auto const before = balance_loss(layers, scale, 0.3, group);
        for (std::size_t const layer : {0U, 2U}) {
            for (std::size_t e = 0; e < 3; ++e) {
                auto changed = layers;
                if (group.rank() == 0) {
                    changed[layer].probability[e] += 0.125;
                }
                auto const after = balance_loss(changed, scale, 0.3, group);
                EXPECT_NEAR(
                    before.slope[layer].at(e), 0.3 * (after.value - before.value) / 0.125, 1e-7
                ) << "layer "
                  << layer << ", expert " << e;
            }
        }
    }
}

TEST_F(BalanceLossTest, IsTheMeanOverLayersThatHaveARouter) {
    std::vector<RoutingStats> const layers{
        {4, {}, {}}, {4, {2, 2}, {2.0, 2.0}}, {4, {4, 0}, {4.0, 0.0}}};
    // Balanced: 1. All on one expert: 2 (1 * 1) = 2.
    auto const loss = balance_loss(layers, BalanceScale::one, 1.0, group);
    EXPECT_DOUBLE_EQ(loss.value, 1.5);
    EXPECT_TRUE(loss.slope.at(0).empty());
    EXPECT_FLOAT_EQ(loss.slope.at(2).at(0), static_cast<float>(2.0 / (4.0 * ranks) / 2.0));
    EXPECT_EQ(loss.slope.at(2).at(1), 0.0F);
}

TEST_F(BalanceLossTest, IsZeroWithoutRoutersOrTokens) {
    std::vector<RoutingStats> const dense{{4, {}, {}}};
    EXPECT_EQ(balance_loss(dense, BalanceScale::one, 1.0, group).value, 0.0);
    std::vector<RoutingStats> const idle{{0, {0, 0}, {0.0, 0.0}}};
    auto const loss = balance_loss(idle, BalanceScale::top_k, 1.0, group);
    EXPECT_EQ(loss.value, 0.0);
    EXPECT_EQ(loss.slope.at(0), (std::vector<float>{0.0F, 0.0F}));
}

}  // namespace
}  // namespace isogloss
