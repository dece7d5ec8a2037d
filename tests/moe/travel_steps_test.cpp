// tests/moe/travel_steps_test.cpp
#include "moe/travel_steps.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <vector>

#include "moe/routed_tokens.h"

namespace isogloss {
namespace {

class TravelStepsTest : public testing::Test {
protected:
    MpiComm group = MpiComm::split(MPI_COMM_WORLD, 0, 0);
    RoutedTokens routed{group.size()};
    Arena arena{Device::cpu};

    DispatchPlan plan() {
        auto expert = routed.choices(group.rank());
        std::vector<float> gate(expert.size(), 1.0F);
        std::array<std::int64_t, 2> const shape{
            RoutedTokens::tokens(group.rank()), RoutedTokens::kChoices};
        return plan_dispatch(
            View<std::int32_t, 2>{expert.data(), shape}, View<float, 2>{gate.data(), shape},
            seats_for(routed.placement(), group.rank(), group.size()), group, arena, {}
        );
    }
    [[nodiscard]] std::size_t num_steps(DispatchPlan const& its, Device device) const {
        return travel_steps(its, routed.experts(), group, device, Overlap::where_it_pays).size();
    }
    // The rank that row `row` came from, and how far it is.
    [[nodiscard]] int distance_of_row(DispatchPlan const& its, std::int64_t row) const {
        auto const after = std::ranges::upper_bound(its.receive_begin, row);
        auto const source = static_cast<int>(after - its.receive_begin.begin()) - 1;
        return (group.rank() - source + group.size()) % group.size();
    }
};

TEST_F(TravelStepsTest, EveryDistanceIsInOneStepAndTheRankItselfIsTheFirst) {
    auto const steps = travel_steps(plan(), routed.experts(), group, Device::cpu, Overlap::always);
    ASSERT_EQ(steps.size(), static_cast<std::size_t>(std::min(group.size(), 4)));
    if (group.size() == 1) {
        EXPECT_TRUE(pairs_from(plan(), steps[0], group).is_all);
        return;
    }
    EXPECT_TRUE(steps[0].has_itself());
    EXPECT_FALSE(steps[0].has_others(group.size()));
    for (int distance = 0; distance < group.size(); ++distance) {
        auto const in = std::ranges::count_if(steps, [&](auto its) { return its.has(distance); });
        EXPECT_EQ(in, 1) << distance;
    }
}

TEST_F(TravelStepsTest, AStepHasThePairsAndRowsFromItsRanks) {
    auto const its = plan();
    for (auto const& step :
         travel_steps(its, routed.experts(), group, Device::cpu, Overlap::always)) {
        std::vector<std::int64_t> expected;
        for (std::int64_t m = 0; m < its.num_pairs(); ++m) {
            if (step.has(distance_of_row(its, its.pair_row.data[m]))) {
                expected.push_back(m);
            }
        }
        auto const selection = pairs_from(its, step, group);
        std::vector<std::int64_t> pairs;
        for (auto const& [expert, range] : selection.parts) {
            EXPECT_GT(range.size(), 0);
            EXPECT_GE(range.begin, its.expert_begin[expert]);
            EXPECT_LE(range.end, its.expert_begin[expert + 1]);
            for (auto m = range.begin; m < range.end; ++m) {
                pairs.push_back(m);
            }
        }
        EXPECT_TRUE(selection.is_all || pairs == expected);
        EXPECT_EQ(selection.is_all, group.size() == 1);

        std::vector<std::int64_t> rows;
        for (auto const& range : rows_from_others(its, step, group)) {
            for (auto row = range.begin; row < range.end; ++row) {
                rows.push_back(row);
            }
        }
        std::vector<std::int64_t> expected_rows;
        for (std::int64_t row = 0; its.travels && row < its.num_rows(); ++row) {
            auto const distance = distance_of_row(its, row);
            if (distance > 0 && step.has(distance)) {
                expected_rows.push_back(row);
            }
        }
        EXPECT_EQ(rows, expected_rows);
    }
}

// 1,024 rows an expert and step; the same number on every rank, whatever its own tokens.
TEST_F(TravelStepsTest, StepsAreMadeWhereProductsStayLarge) {
    auto its = plan();
    std::int64_t choices = 0;
    for (int p = 0; p < group.size(); ++p) {
        choices += RoutedTokens::tokens(p) * RoutedTokens::kChoices;
    }
    EXPECT_EQ(its.group_choices, its.travels ? choices : 0);
    EXPECT_EQ(num_steps(its, Device::cuda), 1);
    its.group_choices = std::int64_t{2} * 1024 * routed.experts();
    EXPECT_EQ(num_steps(its, Device::cuda), its.travels ? 2 : 1);
    --its.group_choices;
    EXPECT_EQ(num_steps(its, Device::cuda), 1);
    its.group_choices *= 100;
    EXPECT_EQ(num_steps(its, Device::cuda), static_cast<std::size_t>(std::min(group.size(), 4)));
    EXPECT_EQ(num_steps(its, Device::cpu), 1);
}

}  // namespace
}  // namespace isogloss
