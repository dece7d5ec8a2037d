// tests/moe/exchange_test.cpp
#include "moe/exchange.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <limits>
#include <vector>

#include "moe/routed_tokens.h"

namespace isogloss {
namespace {

constexpr std::int64_t kExchangeWidth = 3;

// Every value says where it came from. Small integers: bf16 holds those below 256 exactly.
float value_of(int rank, std::int64_t n, std::int64_t d) {
    return static_cast<float>(50 * rank + 4 * n + d);
}

class ExchangeTest : public testing::Test {
protected:
    MpiComm group = MpiComm::split(MPI_COMM_WORLD, 0, 0);
    RoutedTokens routed{group.size()};
    Arena arena{Device::cpu};
    Exchange exchange{group};
    std::vector<std::int32_t> expert = routed.choices(group.rank());
    std::int64_t tokens = RoutedTokens::tokens(group.rank());
    DispatchPlan plan = make_plan();

    DispatchPlan make_plan() {
        std::vector<float> gate;
        for (std::int64_t i = 0; i < tokens * RoutedTokens::kChoices; ++i) {
            gate.push_back(
                RoutedTokens::gate(i / RoutedTokens::kChoices, i % RoutedTokens::kChoices)
            );
        }
        return plan_dispatch(
            View<std::int32_t, 2>{expert.data(), {tokens, RoutedTokens::kChoices}},
            View<float, 2>{gate.data(), {tokens, RoutedTokens::kChoices}},
            seats_for(routed.placement(), group.rank(), group.size()), group, arena, {}
        );
    }

    template <class T>
    View<T, 2> own_rows() {
        auto const x = arena.take<T, 2>({tokens, kExchangeWidth});
        for (std::int64_t i = 0; i < x.size(); ++i) {
            x.data[i] =
                from_float<T>(value_of(group.rank(), i / kExchangeWidth, i % kExchangeWidth));
        }
        return x;
    }

    // Rows as they should arrive: source by source, tokens ascending.
    std::vector<float> expected_rows() const {
        std::vector<float> rows;
        for (int source = 0; source < group.size(); ++source) {
            for (auto const n : routed.visitors(source, group.rank())) {
                for (std::int64_t d = 0; d < kExchangeWidth; ++d) {
                    rows.push_back(value_of(source, n, d));
                }
            }
        }
        return rows;
    }

    // Pair m is computed by the expert of its place: times (number of the expert + 1).
    template <class T>
    View<T, 2> computed_from(View<T const, 2> received) {
        auto const own = routed.placement().experts_of(group.rank());
        auto const computed = arena.take<T, 2>({plan.num_pairs(), kExchangeWidth});
        for (std::size_t l = 0; l < own.size(); ++l) {
            for (auto m = plan.expert_begin[l]; m < plan.expert_begin[l + 1]; ++m) {
                for (std::int64_t d = 0; d < kExchangeWidth; ++d) {
                    auto const in = received.data[plan.pair_row.data[m] * kExchangeWidth + d];
                    computed.data[m * kExchangeWidth + d] =
                        from_float<T>(to_float(in) * static_cast<float>(own[l] + 1));
                }
            }
        }
        return computed;
    }

    template <class T>
    View<T, 2> poisoned() {
        auto const y = arena.take<T, 2>({tokens, kExchangeWidth});
        for (std::int64_t i = 0; i < y.size(); ++i) {
            y.data[i] = from_float<T>(std::numeric_limits<float>::quiet_NaN());
        }
        return y;
    }

    // Sum over choices of weight * (expert + 1), by hand.
    float factor(std::int64_t n, PairWeight weight) const {
        float sum = 0.0F;
        for (std::int64_t k = 0; k < RoutedTokens::kChoices; ++k) {
            auto const e = expert[static_cast<std::size_t>(n * RoutedTokens::kChoices + k)];
            sum += (weight == PairWeight::gate ? RoutedTokens::gate(n, k) : 1.0F) *
                   static_cast<float>(e + 1);
        }
        return sum;
    }
};

TEST_F(ExchangeTest, RowsArriveFromEverySourceInOrder) {
    auto const received = exchange.dispatch<float>(own_rows<float>(), plan, arena, {});
    std::vector<float> const got(received.data, received.data + received.size());
    EXPECT_EQ(got, expected_rows());
}

TEST_F(ExchangeTest, Bf16RowsTravelUnchanged) {
    auto const received = exchange.dispatch<bf16>(own_rows<bf16>(), plan, arena, {});
    std::vector<float> got;
    for (std::int64_t i = 0; i < received.size(); ++i) {
        got.push_back(to_float(received.data[i]));
    }
    EXPECT_EQ(got, expected_rows());
}

TEST_F(ExchangeTest, CombineWeighsEachExpertsResultByItsOwnGate) {
    auto const received = exchange.dispatch<float>(own_rows<float>(), plan, arena, {});
    auto const computed = computed_from<float>(received);
    for (auto const weight : {PairWeight::gate, PairWeight::one}) {
        auto const y = poisoned<float>();
        exchange.combine<float>(computed, weight, plan, arena, y, {});
        for (std::int64_t i = 0; i < y.size(); ++i) {  // dyadic numbers: exact
            EXPECT_EQ(
                y.data[i], factor(i / kExchangeWidth, weight) *
                               value_of(group.rank(), i / kExchangeWidth, i % kExchangeWidth)
            ) << "element "
              << i;
        }
    }
}

TEST_F(ExchangeTest, ValuesOfPairsReturnToTheChoicesTheyCameFrom) {
    auto const own = routed.placement().experts_of(group.rank());
    auto const received = exchange.dispatch<float>(own_rows<float>(), plan, arena, {});
    auto const pairs = arena.take<float, 1>({plan.num_pairs()});
    for (std::size_t l = 0; l < own.size(); ++l) {
        for (auto m = plan.expert_begin[l]; m < plan.expert_begin[l + 1]; ++m) {
            auto const row = plan.pair_row.data[m];
            pairs.data[m] =
                1000.0F * static_cast<float>(own[l]) + received.data[row * kExchangeWidth];
        }
    }
    auto const choices = arena.take<float, 2>({tokens, RoutedTokens::kChoices});
    exchange.end_return(exchange.begin_return(pairs, plan, arena, {}), plan, choices, {});
    for (std::int64_t i = 0; i < choices.size(); ++i) {
        auto const n = i / RoutedTokens::kChoices;
        EXPECT_EQ(
            choices.data[i], 1000.0F * static_cast<float>(expert[static_cast<std::size_t>(i)]) +
                                 value_of(group.rank(), n, 0)
        ) << "choice "
          << i;
    }
}

TEST_F(ExchangeTest, TheTallyCountsBytesToOtherRanksOnly) {
    std::int64_t slots = 0;
    for (int p = 0; p < group.size(); ++p) {
        if (p != group.rank()) {
            slots += static_cast<std::int64_t>(routed.visitors(group.rank(), p).size());
        }
    }
    exchange.dispatch<bf16>(own_rows<bf16>(), plan, arena, {});
    EXPECT_EQ(exchange.tally().bytes, slots * kExchangeWidth * 2);
    exchange.dispatch<float>(own_rows<float>(), plan, arena, {});
    EXPECT_EQ(exchange.tally().bytes, slots * kExchangeWidth * (2 + 4));
}

// Token n loses its choices k with (n + k) % 3 == 1, token 2 all of them.
TEST_F(ExchangeTest, AbsentChoicesAddNothingAndReturnZero) {
    auto const is_absent = [](std::int64_t n, std::int64_t k) {
        return n == 2 || (n + k) % 3 == 1;
    };
    auto const all = expert;
    for (std::int64_t i = 0; i < tokens * RoutedTokens::kChoices; ++i) {
        if (is_absent(i / RoutedTokens::kChoices, i % RoutedTokens::kChoices)) {
            expert[static_cast<std::size_t>(i)] = -1;
        }
    }
    arena.reset();
    plan = make_plan();
    auto const received = exchange.dispatch<float>(own_rows<float>(), plan, arena, {});
    auto const y = arena.take<float, 2>({tokens, kExchangeWidth});
    std::fill_n(y.data, y.size(), std::numeric_limits<float>::quiet_NaN());
    exchange.combine<float>(computed_from<float>(received), PairWeight::gate, plan, arena, y, {});
    auto const pairs = arena.take<float, 1>({plan.num_pairs()});
    std::fill_n(pairs.data, pairs.size(), 1.0F);
    auto const choices = arena.take<float, 2>({tokens, RoutedTokens::kChoices});
    std::fill_n(choices.data, choices.size(), std::numeric_limits<float>::quiet_NaN());
    exchange.end_return(exchange.begin_return(pairs, plan, arena, {}), plan, choices, {});
    std::int64_t present = 0;
    for (std::int64_t n = 0; n < tokens; ++n) {
        float factor = 0.0F;
        for (std::int64_t k = 0; k < RoutedTokens::kChoices; ++k) {
            auto const i = n * RoutedTokens::kChoices + k;
            float const is_there = is_absent(n, k) ? 0.0F : 1.0F;
            auto const number = static_cast<float>(all[static_cast<std::size_t>(i)] + 1);
            factor += is_there * RoutedTokens::gate(n, k) * number;
            EXPECT_EQ(choices.data[i], is_there) << "token " << n << ", choice " << k;
            present += is_absent(n, k) ? 0 : 1;
        }
        for (std::int64_t d = 0; d < kExchangeWidth; ++d) {
            // Dyadic gates and small integers: exact.
            EXPECT_EQ(y.data[n * kExchangeWidth + d], factor * value_of(group.rank(), n, d));
        }
    }
    std::int64_t counted = 0;
    for (auto const count : plan.expert_tokens) {
        counted += count;
    }
    EXPECT_EQ(counted, present);
}

}  // namespace
}  // namespace isogloss
