// tests/moe/routing_cuda_test.cpp - routing on a GPU against routing on the CPU.
#include <gtest/gtest.h>

#include <algorithm>
#include <vector>

#include "base/math.h"
#include "base/random.h"
#include "moe/routing_ops.h"
#include "moe/unit_rows.h"
#include "support/gpu.h"

namespace isogloss {
namespace {

using test::Twin;

// A layer's choices as rank 1 (or 0) of P sees them: expert e lives on rank e mod P.
struct Problem {
    std::int64_t tokens;
    std::int64_t choices;
    std::int32_t experts;
    int ranks;

    [[nodiscard]] ExpertSeats seats() const {
        ExpertSeats seats;
        seats.source = ranks > 1 ? 1 : 0;
        seats.travels = ranks > 1;
        for (std::int32_t e = 0; e < experts; ++e) {
            seats.rank.push_back(e % ranks);
            seats.local.push_back(e / ranks);
            seats.num_local += e % ranks == seats.source ? 1 : 0;
        }
        seats.most_local = (experts + ranks - 1) / ranks;
        return seats;
    }
    // Different experts a token, one choice in six absent.
    [[nodiscard]] Twin<std::int32_t, 2> expert() const {
        auto const count = static_cast<std::uint64_t>(experts);
        return {{tokens, choices}, [&](std::size_t i) {
                    auto const n = i / index(choices);
                    auto const k = i % index(choices);
                    bool const is_absent = random_bits(1, 2, i) % 6 == 0;
                    auto const first = random_bits(1, 1, n) % count;
                    return is_absent ? -1 : static_cast<std::int32_t>((first + k) % count);
                }};
    }
};

// Nobody, one, fewer than a warp, more than a block walks over at once, an odd rest; one expert and
// many; one rank and several of which some get nothing; many blocks a list, two that walk over
// several rounds each, and more lists than blocks that the GPU has room for.
Problem const kRoutingProblems[] = {
    {0, 2, 4, 1},     {0, 1, 3, 3},      {1, 1, 1, 1},      {7, 3, 9, 4},
    {33, 2, 2, 8},    {1500, 2, 4, 1},   {2500, 4, 37, 5},  {1024, 8, 64, 2},
    {20001, 2, 3, 2}, {5000, 2, 200, 2}, {3000, 1, 700, 2},
};

float some_value(std::uint64_t stream, std::size_t i) {
    return static_cast<float>(random_normal(7, stream, i));
}

// The plan that one device makes from `expert`, with rows of other ranks pretended.
struct PlanOnDevice {
    PlanOnDevice(Problem const& problem, Device device)
        : arena(device), seats(problem.seats()), expert(problem.expert()) {
        auto const view = expert.on(device);
        auto const counts = count_routing({view, {}, {}}, seats, problem.ranks, Stream{});
        plan.num_tokens = problem.tokens;
        plan.num_choices = problem.choices;
        plan.send_begin = counts.send_begin;
        plan.expert_tokens = counts.expert_tokens;
        for (std::int64_t p = 0; p <= problem.ranks; ++p) {
            plan.receive_begin.push_back(p * (p + 3));
        }
        auto const slots = plan.send_begin.back();
        plan.send_token = arena.take<std::int32_t, 1>({slots});
        plan.token_slot_begin = arena.take<std::int32_t, 1>({problem.tokens + 1});
        plan.token_return = arena.take<std::int32_t, 1>({slots});
        plan.choice_slot = arena.take<std::int32_t, 2>({problem.tokens, problem.choices});
        fill_slots(view, seats, plan, Stream{});

        gate = Twin<float, 2>(view.shape, [](std::size_t i) { return some_value(3, i); });
        route = arena.take<std::int32_t, 2>({slots, 2 * problem.choices});
        fill_routes(view, gate.on(device), seats, plan.choice_slot, route, Stream{});
        list_pairs();
    }

    // As if every slot had come from elsewhere to a rank that has the experts of all ranks.
    void list_pairs() {
        plan.receive_begin = {0, route.shape[0]};
        Buffer<std::int32_t> room;
        auto const routes = on_host(route, room, Stream{});
        std::vector<std::int64_t> counts(index(seats.most_local), 0);
        auto const width = route.shape[1];
        for (std::int64_t i = 0; i < routes.size(); ++i) {
            if (i % width < width / 2 && routes.data[i] >= 0) {
                ++counts[index(routes.data[i])];
            }
        }
        plan.expert_begin = {0};
        for (auto const count : counts) {
            plan.expert_begin.push_back(plan.expert_begin.back() + count);
        }
        auto const pairs = plan.num_pairs();
        plan.pair_row = arena.take<std::int32_t, 1>({pairs});
        plan.pair_choice = arena.take<std::int32_t, 1>({pairs});
        plan.pair_gate = arena.take<float, 1>({pairs});
        plan.row_pair_begin = arena.take<std::int32_t, 1>({plan.num_rows() + 1});
        plan.row_pair = arena.take<std::int32_t, 1>({pairs});
        plan.row_gate = arena.take<float, 1>({pairs});
        fill_pairs(route, plan, Stream{});
    }

    Arena arena;
    ExpertSeats seats;
    Twin<std::int32_t, 2> expert;
    Twin<float, 2> gate{{0, 0}};
    DispatchPlan plan;
    View<std::int32_t, 2> route;
};

template <class T, std::size_t rank>
void expect_equal(View<T, rank> cpu, View<T, rank> gpu, char const* what) {
    Buffer<T> room;
    auto const theirs = on_host(gpu, room, Stream{});
    ASSERT_EQ(cpu.shape, gpu.shape) << what;
    for (std::size_t i = 0; i < index(cpu.size()); ++i) {
        ASSERT_EQ(cpu.data[i], theirs.data[i]) << what << ", element " << i;
    }
}

TEST(RoutingCudaTest, PlansAreEqualToTheLastIndex) {
    ISOGLOSS_NEEDS_GPU();
    for (auto const& problem : kRoutingProblems) {
        SCOPED_TRACE(testing::Message() << problem.tokens << " tokens, " << problem.experts);
        PlanOnDevice const cpu(problem, Device::cpu);
        PlanOnDevice const gpu(problem, Device::cuda);
        EXPECT_EQ(cpu.plan.send_begin, gpu.plan.send_begin);
        EXPECT_EQ(cpu.plan.expert_tokens, gpu.plan.expert_tokens);
        expect_equal(cpu.plan.choice_slot, gpu.plan.choice_slot, "choice_slot");
        expect_equal(cpu.plan.send_token, gpu.plan.send_token, "send_token");
        expect_equal(cpu.plan.token_slot_begin, gpu.plan.token_slot_begin, "token_slot_begin");
        expect_equal(cpu.plan.token_return, gpu.plan.token_return, "token_return");
        expect_equal(cpu.route, gpu.route, "route");
        EXPECT_EQ(cpu.plan.expert_begin, gpu.plan.expert_begin);
        expect_equal(cpu.plan.pair_row, gpu.plan.pair_row, "pair_row");
        expect_equal(cpu.plan.pair_choice, gpu.plan.pair_choice, "pair_choice");
        expect_equal(cpu.plan.pair_gate, gpu.plan.pair_gate, "pair_gate");
        expect_equal(cpu.plan.row_pair_begin, gpu.plan.row_pair_begin, "row_pair_begin");
        expect_equal(cpu.plan.row_pair, gpu.plan.row_pair, "row_pair");
        expect_equal(cpu.plan.row_gate, gpu.plan.row_gate, "row_gate");
    }
}

TEST(RoutingCudaTest, ValuesOfPairsAndSlotsAreOnlyMoved) {
    ISOGLOSS_NEEDS_GPU();
    for (auto const& problem : kRoutingProblems) {
        Twin<float, 2> const choices({problem.tokens, problem.choices});
        PlanOnDevice const first(problem, Device::cpu);
        Twin<float, 2> const rows({first.plan.num_rows(), problem.choices});
        for (auto const device : test::kBothDevices) {
            PlanOnDevice const its(problem, device);
            Twin<float, 1> const pairs({its.plan.num_pairs()}, [](std::size_t i) {
                return some_value(4, i);
            });
            pairs_to_rows(pairs.on(device), its.plan, rows.on(device), Stream{});
            slots_to_choices(rows.on(device), its.plan, choices.on(device), Stream{});
        }
        test::expect_equal(rows, "rows");
        test::expect_equal(choices, "choices");
    }
}

TEST(RoutingCudaTest, GivenExpertsAreTheOnlyChoice) {
    ISOGLOSS_NEEDS_GPU();
    for (std::int64_t const tokens : {0, 1, 777}) {
        Twin<std::int32_t, 1> const given({tokens}, [](std::size_t i) {
            return static_cast<std::int32_t>(random_bits(1, 5, i) % 6);
        });
        for (auto const is_given : {true, false}) {
            Twin<std::int32_t, 2> const expert({tokens, 3});
            Twin<float, 2> const gate({tokens, 3});
            for (auto const device : test::kBothDevices) {
                View<std::int32_t const, 1> const none{nullptr, {tokens}, device};
                give_experts(
                    is_given ? given.on(device) : none, 6, expert.on(device), gate.on(device),
                    Stream{}
                );
            }
            test::expect_equal(expert, "expert");
            test::expect_equal(gate, "gate");
        }
    }
}

// Sums of N doubles in another order differ by at most N u of the sum of their sizes, u = 2^-53;
// N is 3001 here. Square roots and quotients add a few u.
constexpr double kSumBound = 3010 * 0x1p-53;

TEST(RoutingCudaTest, ProbabilitiesAddUpWithoutTokensOfClassZero) {
    ISOGLOSS_NEEDS_GPU();
    std::int64_t const tokens = 3001;
    Twin<float, 2> const probs({tokens, 5}, [](std::size_t i) {
        return static_cast<float>(random_uniform(1, 6, i));
    });
    Twin<std::int32_t, 1> const among({tokens}, [](std::size_t i) {
        return static_cast<std::int32_t>(random_bits(1, 7, i) % 3);
    });
    Twin<std::int32_t, 2> const expert({tokens, 1}, [](std::size_t i) {
        return static_cast<std::int32_t>(i % 5);
    });
    ExpertSeats const seats{0, {0, 0, 0, 0, 0}, {0, 1, 2, 3, 4}, 5, 5, false};
    for (auto const asks : {true, false}) {
        std::vector<std::vector<double>> sums;
        for (auto const device : test::kBothDevices) {
            View<std::int32_t const, 1> const all{nullptr, {tokens}, device};
            Counted const counted{
                expert.on(device), probs.on(device), asks ? among.on(device) : all};
            sums.push_back(count_routing(counted, seats, 1, Stream{}).probability);
            ASSERT_EQ(sums.back().size(), 5U);
        }
        for (std::size_t e = 0; e < 5; ++e) {
            EXPECT_NEAR(sums[0][e], sums[1][e], kSumBound * sums[0][e]);
        }
    }
}

template <class T>
void expect_unit_rows() {
    for (auto const& [tokens, width] : {std::pair{3001L, 70L}, {5L, 300L}, {0L, 4L}}) {
        Twin<T, 2> const x({tokens, width}, [&](std::size_t i) {
            bool const is_zero_row = i / index(width) == 3;
            return from_float<T>(is_zero_row ? 0.0F : some_value(8, i));
        });
        Twin<std::int32_t, 1> const target({tokens}, [](std::size_t i) {
            return i % 4 == 0 ? -1 : static_cast<std::int32_t>(i);
        });
        std::vector<std::vector<double>> sums(2, std::vector<double>(index(width), 0.25));
        for (std::size_t d = 0; d < 2; ++d) {
            auto const device = test::kBothDevices[d];
            add_unit_rows<T>(x.on(device), target.on(device), sums[d], Stream{});
        }
        for (std::size_t i = 0; i < sums[0].size(); ++i) {
            // Every term is at most 1.
            auto const bound = kSumBound * static_cast<double>(tokens + 1);
            EXPECT_NEAR(sums[0][i], sums[1][i], bound) << "column " << i;
        }
    }
}

TEST(RoutingCudaTest, DirectionsAddUp) {
    ISOGLOSS_NEEDS_GPU();
    expect_unit_rows<float>();
    expect_unit_rows<bf16>();
}

}  // namespace
}  // namespace isogloss
