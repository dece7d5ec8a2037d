// tests/moe/placement_test.cpp
#include "moe/placement.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <set>
#include <string>
#include <vector>

#include "base/error.h"

namespace isogloss {
namespace {

using Ranks = std::vector<std::vector<int>>;

Placement place(std::vector<std::int32_t> experts, int ranks, int ranks_per_node = 1) {
    PlacementRequest request;
    request.experts_per_layer = std::move(experts);
    request.num_ranks = ranks;
    request.ranks_per_node = ranks_per_node;
    return place_experts(request);
}

TEST(PlacementTest, ASingleExpertIsOnAllRanks) {
    auto const layer = place({1}, 3).layers.at(0);
    EXPECT_EQ(layer.ranks, (Ranks{{0, 1, 2}}));
    EXPECT_TRUE(layer.is_local(3));
    EXPECT_EQ(layer.experts_of(2), (std::vector<std::int32_t>{0}));
    EXPECT_EQ(layer.holder_for(0, 1), 1);
}

TEST(PlacementTest, OneRankHoldsEverything) {
    auto const layer = place({5}, 1).layers.at(0);
    EXPECT_EQ(layer.ranks, (Ranks{{0}, {0}, {0}, {0}, {0}}));
    EXPECT_TRUE(layer.is_local(1));
}

TEST(PlacementTest, AsManyExpertsAsRanksAreOneEach) {
    auto const layer = place({4}, 4).layers.at(0);
    EXPECT_EQ(layer.ranks, (Ranks{{0}, {1}, {2}, {3}}));
    EXPECT_FALSE(layer.is_local(4));
}

TEST(PlacementTest, TheSurplusMovesFromLayerToLayer) {
    auto const placement = place({5, 5, 5, 5}, 4);
    for (int l = 0; l < 4; ++l) {
        for (int rank = 0; rank < 4; ++rank) {
            EXPECT_EQ(
                placement.layers[static_cast<std::size_t>(l)].experts_of(rank).size(),
                rank == l ? 2U : 1U
            ) << "layer "
              << l << ", rank " << rank;
        }
    }
}

TEST(PlacementTest, TwoExpertsOnFourRanksHaveTwoNeighboursEach) {
    auto const layer = place({2}, 4).layers.at(0);
    EXPECT_EQ(layer.ranks, (Ranks{{0, 1}, {2, 3}}));
    // A holder serves itself; the others are shared out.
    EXPECT_EQ(layer.holder_for(0, 0), 0);
    EXPECT_EQ(layer.holder_for(0, 1), 1);
    EXPECT_EQ(layer.holder_for(0, 2), 0);
    EXPECT_EQ(layer.holder_for(0, 3), 1);
    EXPECT_EQ(layer.holder_for(1, 0), 2);
    EXPECT_EQ(layer.holder_for(1, 1), 3);
}

TEST(PlacementTest, TheBusiestExpertGetsTheReplicas) {
    PlacementRequest request;
    request.experts_per_layer = {3};
    request.expected_share = {{0.2, 0.6, 0.2}};
    request.num_ranks = 5;
    // Spare ranks: 1 has 0.6, then 0.3; both beat 0.2.
    EXPECT_EQ(place_experts(request).layers.at(0).ranks, (Ranks{{0}, {1, 2, 3}, {4}}));
}

TEST(PlacementTest, EqualExpertsTakeTurnsAtTheReplica) {
    auto const placement = place({3, 3, 3}, 4);
    EXPECT_EQ(placement.layers.at(0).ranks, (Ranks{{0, 1}, {2}, {3}}));
    EXPECT_EQ(placement.layers.at(1).ranks, (Ranks{{0}, {1, 2}, {3}}));
    EXPECT_EQ(placement.layers.at(2).ranks, (Ranks{{0}, {1}, {2, 3}}));
}

TEST(PlacementTest, SharesAreBalancedLargestFirst) {
    PlacementRequest request;
    request.experts_per_layer = {5};
    request.expected_share = {{0.05, 0.5, 0.2, 0.15, 0.1}};
    request.num_ranks = 2;
    // 1 -> rank 0 (0.5); 2 -> rank 1 (0.2); 3 -> rank 1 (0.35); 4 -> rank 1 (0.45); 0 -> rank 1.
    EXPECT_EQ(place_experts(request).layers.at(0).ranks, (Ranks{{1}, {0}, {1}, {1}, {1}}));
}

TEST(PlacementTest, NoRankGetsMoreThanTwiceItsEvenNumber) {
    PlacementRequest request;
    request.experts_per_layer = {8};
    request.expected_share = {{1.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0}};
    request.num_ranks = 4;
    auto const layer = place_experts(request).layers.at(0);
    for (int rank = 0; rank < 4; ++rank) {
        EXPECT_LE(layer.experts_of(rank).size(), 4U) << "rank " << rank;
    }
}

TEST(PlacementTest, AGroupStaysOnOneNode) {
    PlacementRequest request;
    request.experts_per_layer = {8};
    request.group = {{0, 1, 0, 1, 0, 1, 0, 1}};
    request.num_ranks = 4;
    request.ranks_per_node = 2;
    auto const layer = place_experts(request).layers.at(0);
    for (std::int32_t e = 0; e < 8; ++e) {
        EXPECT_EQ(layer.ranks[static_cast<std::size_t>(e)].at(0) / 2, e % 2) << "expert " << e;
    }
    for (int rank = 0; rank < 4; ++rank) {
        EXPECT_EQ(layer.experts_of(rank).size(), 2U);
    }
}

TEST(PlacementTest, BalanceGoesBeforeGroups) {
    PlacementRequest request;
    request.experts_per_layer = {4};
    request.group = {{0, 0, 0, 1}};
    request.num_ranks = 4;
    request.ranks_per_node = 2;
    // Three experts on a node of two ranks would double one rank's load.
    EXPECT_EQ(place_experts(request).layers.at(0).ranks, (Ranks{{0}, {1}, {2}, {3}}));
}

TEST(PlacementTest, EveryExpertAndEveryRankIsCovered) {
    for (int const ranks : {1, 2, 3, 4, 7, 16}) {
        std::vector<std::int32_t> const experts{1, 2, 3, 5, 16, 128};
        auto const placement = place(experts, ranks, 2);
        ASSERT_EQ(placement.layers.size(), experts.size());
        for (std::size_t l = 0; l < experts.size(); ++l) {
            auto const& layer = placement.layers[l];
            ASSERT_EQ(layer.num_experts(), experts[l]);
            std::set<int> used;
            for (auto const& holders : layer.ranks) {
                ASSERT_FALSE(holders.empty());
                EXPECT_TRUE(std::ranges::is_sorted(holders));
                EXPECT_GE(holders.front(), 0);
                EXPECT_LT(holders.back(), ranks);
                used.insert(holders.begin(), holders.end());
            }
            EXPECT_EQ(used.size(), static_cast<std::size_t>(ranks))
                << experts[l] << " experts on " << ranks << " ranks";
        }
    }
}

TEST(PlacementTest, A128ExpertLayerIsEvenOn8Ranks) {
    auto const layer = place({128}, 8, 4).layers.at(0);
    for (int rank = 0; rank < 8; ++rank) {
        EXPECT_EQ(layer.experts_of(rank).size(), 16U);
    }
}

Exit code_of(PlacementRequest const& request) {
    try {
        place_experts(request);
    } catch (Error const& error) {
        return error.code();
    }
    return Exit::done;
}

TEST(PlacementTest, RefusesWhatCannotBePlaced) {
    PlacementRequest no_experts{.experts_per_layer = {2, 0}, .expected_share = {}, .group = {}};
    EXPECT_EQ(code_of(no_experts), Exit::usage);
    PlacementRequest no_ranks{
        .experts_per_layer = {2}, .expected_share = {}, .group = {}, .num_ranks = 0};
    EXPECT_EQ(code_of(no_ranks), Exit::usage);
    PlacementRequest short_shares{.experts_per_layer = {2}, .expected_share = {{1.0}}, .group = {}};
    EXPECT_EQ(code_of(short_shares), Exit::usage);
    PlacementRequest negative{
        .experts_per_layer = {2}, .expected_share = {{1.0, -1.0}}, .group = {}};
    EXPECT_EQ(code_of(negative), Exit::usage);
}

}  // namespace
}  // namespace isogloss
