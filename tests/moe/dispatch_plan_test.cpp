// tests/moe/dispatch_plan_test.cpp
#include "moe/dispatch_plan.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <vector>

#include "base/error.h"
#include "moe/routed_tokens.h"

namespace isogloss {
namespace {

template <class T>
std::vector<T> list_of(View<T, 1> view) {
    return {view.span().begin(), view.span().end()};
}

// Pairs as the plan should list them: by local expert, then row, found by looking through all
// tokens of all ranks.
struct ExpectedPairs {
    std::vector<std::int64_t> begin{0};
    std::vector<std::int32_t> row;
    std::vector<std::int32_t> choice;
    std::vector<float> gate;
};

class DispatchPlanTest : public testing::Test {
protected:
    MpiComm group = MpiComm::split(MPI_COMM_WORLD, 0, 0);
    RoutedTokens routed{group.size()};
    Arena arena{Device::cpu};

    DispatchPlan plan_of(
        std::vector<std::int32_t>& expert, std::int64_t choices, LayerPlacement const& placement
    ) {
        std::vector<float> gate(expert.size());
        for (std::size_t i = 0; i < gate.size(); ++i) {
            auto const at = static_cast<std::int64_t>(i);
            gate[i] = RoutedTokens::gate(at / choices, at % choices);
        }
        auto const tokens = static_cast<std::int64_t>(expert.size()) / choices;
        return plan_dispatch(
            View<std::int32_t, 2>{expert.data(), {tokens, choices}},
            View<float, 2>{gate.data(), {tokens, choices}},
            seats_for(placement, group.rank(), group.size()), group, arena, {}
        );
    }

    ExpectedPairs expected_pairs(std::int32_t num_local) const {
        ExpectedPairs expected;
        for (std::int32_t local = 0; local < num_local; ++local) {
            std::int32_t row = 0;
            for (int source = 0; source < group.size(); ++source) {
                auto const chosen = routed.choices(source);
                for (auto const n : routed.visitors(source, group.rank())) {
                    for (std::int64_t k = 0; k < RoutedTokens::kChoices; ++k) {
                        auto const e =
                            chosen[static_cast<std::size_t>(n * RoutedTokens::kChoices + k)];
                        if (routed.seat(e, source) == group.rank() && routed.local(e) == local) {
                            expected.row.push_back(row);
                            expected.choice.push_back(static_cast<std::int32_t>(k));
                            expected.gate.push_back(RoutedTokens::gate(n, k));
                        }
                    }
                    ++row;
                }
            }
            expected.begin.push_back(static_cast<std::int64_t>(expected.row.size()));
        }
        return expected;
    }
};

TEST_F(DispatchPlanTest, ATokenTravelsOnceToARankHoweverManyExpertsItHasThere) {
    auto expert = routed.choices(group.rank());
    auto const plan = plan_of(expert, RoutedTokens::kChoices, routed.placement());
    if (!plan.travels) {
        EXPECT_EQ(group.size(), 1);
        EXPECT_EQ(plan.num_rows(), RoutedTokens::tokens(0));
        return;
    }
    std::vector<std::int64_t> send_begin{0};
    std::vector<std::int64_t> receive_begin{0};
    std::vector<std::int32_t> send_token;
    for (int p = 0; p < group.size(); ++p) {
        auto const visitors = routed.visitors(group.rank(), p);
        send_token.insert(send_token.end(), visitors.begin(), visitors.end());
        send_begin.push_back(static_cast<std::int64_t>(send_token.size()));
        receive_begin.push_back(
            receive_begin.back() +
            static_cast<std::int64_t>(routed.visitors(p, group.rank()).size())
        );
    }
    EXPECT_EQ(plan.send_begin, send_begin);
    EXPECT_EQ(plan.receive_begin, receive_begin);
    EXPECT_EQ(list_of(plan.send_token), send_token);
}

TEST_F(DispatchPlanTest, FourTokensCountedByHand) {
    // Experts 0 and 1 live on rank 0, expert 2 on the last rank. On each rank: (0, 1) goes once to
    // rank 0; (1, 2) and (2, 0) to both; (1, 0) once to rank 0.
    int const last = group.size() - 1;
    LayerPlacement const placement{{{0}, {0}, {last}}};
    std::vector<std::int32_t> expert{0, 1, 1, 2, 2, 0, 1, 0};
    auto const plan = plan_of(expert, 2, placement);
    EXPECT_EQ(plan.expert_tokens, (std::vector<std::int64_t>{3, 3, 2}));
    if (group.size() == 1) {
        EXPECT_FALSE(plan.travels);
        EXPECT_EQ(plan.expert_begin, (std::vector<std::int64_t>{0, 3, 6, 8}));
        return;
    }
    EXPECT_EQ(plan.send_begin[1], 4);
    EXPECT_EQ(plan.send_begin.back() - plan.send_begin[static_cast<std::size_t>(last)], 2);
    EXPECT_EQ(list_of(plan.send_token), (std::vector<std::int32_t>{0, 1, 2, 3, 1, 2}));
    EXPECT_EQ(list_of(plan.token_slot_begin), (std::vector<std::int32_t>{0, 1, 3, 5, 6}));
    // Slots 0, 1 4, 2 5, 3; those for this rank itself lie among its rows, the others after them.
    auto const rows = static_cast<std::int32_t>(plan.num_rows());
    std::vector<std::int32_t> home{rows, rows + 1, rows + 4, rows + 2, rows + 5, rows + 3};
    if (group.rank() == 0) {
        home = {0, 1, rows + 4, 2, rows + 5, 3};
    } else if (group.rank() == last) {
        auto const own = 2 * last;  // two rows from each rank before this one
        home = {rows, rows + 1, own, rows + 2, own + 1, rows + 3};
    }
    EXPECT_EQ(list_of(plan.token_return), home);
    EXPECT_EQ(
        list_of(plan.choice_slot.flat()), (std::vector<std::int32_t>{0, 0, 1, 4, 5, 2, 3, 3})
    );
    std::int64_t const sources = group.size();
    if (group.rank() == 0) {
        EXPECT_EQ(plan.num_rows(), 4 * sources);
        EXPECT_EQ(plan.expert_begin, (std::vector<std::int64_t>{0, 3 * sources, 6 * sources}));
        EXPECT_EQ(plan.row_pair_begin.data[1], 2);  // row 0 has both experts, choices in order
        EXPECT_EQ(plan.row_pair.data[0], 0);
        EXPECT_EQ(plan.row_pair.data[1], 3 * sources);
    } else if (group.rank() == last) {
        EXPECT_EQ(plan.num_rows(), 2 * sources);
        EXPECT_EQ(plan.expert_begin, (std::vector<std::int64_t>{0, 2 * sources}));
    } else {
        EXPECT_EQ(plan.num_rows(), 0);
        EXPECT_EQ(plan.expert_begin, (std::vector<std::int64_t>{0}));
    }
}

TEST_F(DispatchPlanTest, PairsAreSortedByExpertThenSourceThenToken) {
    auto expert = routed.choices(group.rank());
    auto const placement = routed.placement();
    auto const plan = plan_of(expert, RoutedTokens::kChoices, placement);
    auto const num_local = static_cast<std::int32_t>(placement.experts_of(group.rank()).size());
    if (group.size() == 1) {
        EXPECT_EQ(plan.num_pairs(), RoutedTokens::tokens(0) * RoutedTokens::kChoices);
    }
    auto const expected = expected_pairs(num_local);
    EXPECT_EQ(plan.expert_begin, expected.begin);
    EXPECT_EQ(list_of(plan.pair_row), expected.row);
    EXPECT_EQ(list_of(plan.pair_choice), expected.choice);
    EXPECT_EQ(list_of(plan.pair_gate), expected.gate);
}

TEST_F(DispatchPlanTest, ARowListsItsPairsInTheOrderOfItsChoices) {
    auto expert = routed.choices(group.rank());
    auto const plan = plan_of(expert, RoutedTokens::kChoices, routed.placement());
    std::vector<bool> seen(static_cast<std::size_t>(plan.num_pairs()), false);
    for (std::int64_t r = 0; r < plan.num_rows(); ++r) {
        std::int32_t last_choice = -1;
        for (auto i = plan.row_pair_begin.data[r]; i < plan.row_pair_begin.data[r + 1]; ++i) {
            auto const pair = plan.row_pair.data[i];
            EXPECT_EQ(plan.pair_row.data[pair], r);
            EXPECT_GT(plan.pair_choice.data[pair], last_choice);
            EXPECT_EQ(plan.row_gate.data[i], plan.pair_gate.data[pair]);
            last_choice = plan.pair_choice.data[pair];
            seen[static_cast<std::size_t>(pair)] = true;
        }
        EXPECT_GE(last_choice, 0) << "row " << r << " came for nothing";
    }
    EXPECT_EQ(std::ranges::count(seen, true), plan.num_pairs());
}

TEST_F(DispatchPlanTest, NothingTravelsWhereEveryRankHoldsEverything) {
    std::vector<int> all;
    for (int rank = 0; rank < group.size(); ++rank) {
        all.push_back(rank);
    }
    auto expert = routed.choices(group.rank());
    auto const experts = static_cast<std::size_t>(routed.experts());
    auto const plan =
        plan_of(expert, RoutedTokens::kChoices, {std::vector<std::vector<int>>(experts, all)});
    EXPECT_FALSE(plan.travels);
    EXPECT_EQ(plan.num_rows(), RoutedTokens::tokens(group.rank()));
    EXPECT_EQ(plan.num_pairs(), RoutedTokens::tokens(group.rank()) * RoutedTokens::kChoices);
}

TEST_F(DispatchPlanTest, RefusesAnExpertThatDoesNotExist) {
    // On every rank alike, before any of them enters a collective.
    std::vector<std::int32_t> expert{0, routed.experts()};
    EXPECT_THROW(plan_of(expert, 2, routed.placement()), Error);
    expert = {-2, 0};
    EXPECT_THROW(plan_of(expert, 2, routed.placement()), Error);
}

}  // namespace
}  // namespace isogloss
