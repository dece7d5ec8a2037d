// tests/moe/layer_test.cpp
#include "moe/layer.h"

#include <gtest/gtest.h>

#include <array>
#include <cmath>
#include <limits>
#include <numeric>
#include <string>
#include <type_traits>
#include <vector>

#include "comm/collective.h"
#include "moe/balance_loss.h"
#include "moe/moe_reference.h"

namespace isogloss {
namespace {

constexpr std::size_t kLayerTokens = 11;
constexpr std::size_t kLayerWidth = 7;
constexpr std::size_t kHidden = 5;
constexpr std::size_t kSharedHidden = 6;

std::int64_t signed_size(std::size_t i) {
    return static_cast<std::int64_t>(i);
}

// Normal numbers that T can hold exactly, so that the reference starts from the same inputs.
template <class T>
Values numbers(char const* name, std::size_t part, std::size_t count, double scale) {
    Values list;
    for (std::size_t i = 0; i < count; ++i) {
        auto const normal = random_normal(5, random_stream(name) + part, i);
        list.push_back(
            static_cast<double>(to_float(from_float<T>(static_cast<float>(scale * normal))))
        );
    }
    return list;
}

template <class T>
MoeProblem problem_of(std::size_t experts, std::size_t choices) {
    MoeProblem p;
    p.tokens = kLayerTokens;
    p.width = kLayerWidth;
    p.hidden = kHidden;
    p.experts = experts;
    p.choices = choices;
    p.storage_unit = std::is_same_v<T, bf16> ? 0x1p-8 : 0.0;
    p.balance_coefficient = experts > 1 ? 0.5 : 0.0;
    p.x = numbers<T>("x", 0, kLayerTokens * kLayerWidth, 1.0);
    p.dy = numbers<T>("dy", 0, kLayerTokens * kLayerWidth, 1.0);
    p.router = numbers<float>("router", 0, experts * kLayerWidth, 0.5);
    for (std::size_t e = 0; e < experts; ++e) {
        p.gate_up.push_back(numbers<T>("gate_up", e, 2 * kHidden * kLayerWidth, 0.4));
        p.down.push_back(numbers<T>("down", e, kHidden * kLayerWidth, 0.4));
    }
    return p;
}

template <class T>
MoeProblem with_shared_expert(MoeProblem p) {
    p.shared_gate_up = numbers<T>("shared gate_up", 0, 2 * kSharedHidden * kLayerWidth, 0.4);
    p.shared_down = numbers<T>("shared down", 0, kSharedHidden * kLayerWidth, 0.4);
    p.shared_gate = numbers<T>("shared gate", 0, kLayerWidth, 0.4);
    return p;
}

MoeProblem with_probabilities(MoeProblem p) {
    p.gates_are_probabilities = true;
    return p;
}

struct Layout {
    std::string name;
    LayerPlacement placement;
    std::vector<std::size_t> tokens;  // [P] of kLayerTokens, in rank order
};

std::vector<LayerPlacement> placements(std::int32_t experts, int ranks) {
    LayerPlacement round_robin;
    LayerPlacement last_rank;
    LayerPlacement everywhere;
    LayerPlacement replicas;  // expert 0 on all ranks, the others on one each
    std::vector<int> all(static_cast<std::size_t>(ranks));
    std::iota(all.begin(), all.end(), 0);
    for (std::int32_t e = 0; e < experts; ++e) {
        round_robin.ranks.push_back({e % ranks});
        last_rank.ranks.push_back({ranks - 1});
        everywhere.ranks.push_back(all);
        replicas.ranks.push_back(e == 0 ? all : std::vector<int>{(e - 1) % ranks});
    }
    PlacementRequest request;
    request.experts_per_layer = {experts};
    request.num_ranks = ranks;
    return {place_experts(request).layers.at(0), round_robin, last_rank, everywhere, replicas};
}

std::vector<Layout> layouts(std::int32_t experts, int ranks) {
    auto const parts = static_cast<std::size_t>(ranks);
    std::vector<std::size_t> even(parts);
    std::vector<std::size_t> only_last(parts, 0);
    std::vector<std::size_t> none_on_last(parts, 0);
    for (std::size_t p = 0; p < parts; ++p) {
        even[p] = static_cast<std::size_t>(
            even_part(signed_size(kLayerTokens), ranks, static_cast<std::int64_t>(p)).size()
        );
    }
    only_last.back() = kLayerTokens;
    none_on_last.front() = kLayerTokens;
    if (parts > 2) {
        none_on_last.front() = kLayerTokens - 2;
        none_on_last[1] = 2;
    }
    char const* const names[] = {"placed", "round robin", "last rank", "everywhere", "replicas"};
    std::vector<Layout> list;
    auto const all = placements(experts, ranks);
    for (std::size_t i = 0; i < all.size(); ++i) {
        list.push_back({std::string(names[i]) + ", even tokens", all[i], even});
        list.push_back({std::string(names[i]) + ", tokens on the last rank", all[i], only_last});
        list.push_back({std::string(names[i]) + ", none on the last", all[i], none_on_last});
    }
    return list;
}

template <class T>
Buffer<T> buffer_of(Values const& values) {
    Buffer<T> buffer(Device::cpu, signed_size(values.size()));
    for (std::size_t i = 0; i < values.size(); ++i) {
        buffer.data()[i] = from_float<T>(static_cast<float>(values[i]));
    }
    return buffer;
}

// What one rank has of a problem, and what its layer made of it.
template <class T>
class RankOfLayer {
public:
    RankOfLayer(
        MoeProblem const& problem,
        Layout const& layout,
        MpiComm const& group,
        std::vector<bool> const& frozen  // [E], then the router
    )
        : problem_(problem), layout_(layout), group_(group), frozen_(frozen) {
        for (int p = 0; p < group.rank(); ++p) {
            first_ += layout.tokens[static_cast<std::size_t>(p)];
        }
        tokens_ = layout.tokens[static_cast<std::size_t>(group.rank())];
        router_ = buffer_of<float>(problem.router);
        router_gradient_ = Buffer<float>(Device::cpu, router_.size());
        for (std::size_t e = 0; e < problem.experts; ++e) {
            gate_up_.push_back(buffer_of<T>(problem.gate_up[e]));
            down_.push_back(buffer_of<T>(problem.down[e]));
            gate_up_gradient_.emplace_back(Device::cpu, gate_up_[e].size());
            down_gradient_.emplace_back(Device::cpu, down_[e].size());
        }
        for (auto const* values :
             {&problem.shared_gate_up, &problem.shared_down, &problem.shared_gate}) {
            shared_.push_back(buffer_of<T>(*values));
            shared_gradient_.emplace_back(Device::cpu, shared_.back().size());
        }
    }

    void run(Overlap overlap = Overlap::where_it_pays) {
        MoeLayer<T> layer(
            {signed_size(kLayerWidth), signed_size(kHidden),
             static_cast<std::int32_t>(problem_.choices), FeedForwardKind::swiglu,
             problem_.gates_are_probabilities ? GateScale::probabilities : GateScale::renormalised,
             has_shared() ? signed_size(kSharedHidden) : 0},
            layout_.placement, group_, weights(), overlap
        );
        auto const rows = signed_size(tokens_);
        std::array<std::int64_t, 2> const shape{rows, signed_size(kLayerWidth)};
        x_ = buffer_of<T>(own(problem_.x));
        auto const dy = buffer_of<T>(own(problem_.dy));
        auto const nan = std::numeric_limits<double>::quiet_NaN();
        y_ = buffer_of<T>(Values(tokens_ * kLayerWidth, nan));
        dx_ = buffer_of<T>(Values(tokens_ * kLayerWidth, nan));
        evaluated_ = buffer_of<T>(Values(tokens_ * kLayerWidth, nan));
        Arena arena(Device::cpu);
        MoeActivations<T> saved;
        layer.forward(
            x_.template view<2>(shape), evaluated_.template view<2>(shape), {}, arena, stats, {}
        );
        EXPECT_EQ(arena.mark().offset, 0) << "evaluation left something in the arena";
        layer.forward(
            x_.template view<2>(shape), y_.template view<2>(shape), {}, arena, saved, stats, {}
        );
        balance = balance_loss(
            std::span(&stats, 1), BalanceScale::one, problem_.balance_coefficient, group_
        );
        auto const before = arena.mark();
        layer.backward(
            dy.template view<2>(shape), dx_.template view<2>(shape), saved, balance.slope.at(0),
            arena, {}
        );
        EXPECT_EQ(arena.mark().offset, before.offset) << "backward left something in the arena";
        bytes = layer.tally().bytes;
    }

    RoutingStats stats;
    BalanceLoss balance;
    std::int64_t bytes = 0;

    void expect_outputs(MoeAnswer const& answer) const {
        for (std::size_t i = 0; i < tokens_ * kLayerWidth; ++i) {
            expect_near(to_float(y_.data()[i]), answer.y[first_ * kLayerWidth + i], "y", i);
            expect_near(to_float(dx_.data()[i]), answer.dx[first_ * kLayerWidth + i], "dx", i);
            EXPECT_EQ(to_float(y_.data()[i]), to_float(evaluated_.data()[i])) << "element " << i;
        }
    }

    // Collective: gradients of replicas and of the router are summed over ranks first.
    void expect_gradients(MoeAnswer const& answer) {
        expect_sum(router_gradient_, answer.drouter, frozen_.back(), "router");
        for (std::size_t e = 0; e < problem_.experts; ++e) {
            auto const name = "expert " + std::to_string(e);
            expect_sum(gate_up_gradient_[e], answer.dgate_up[e], frozen_[e], name + " gate_up");
            expect_sum(down_gradient_[e], answer.ddown[e], frozen_[e], name + " down");
        }
        auto const frozen = frozen_.front();
        expect_sum(shared_gradient_[0], answer.dshared_gate_up, frozen, "shared gate_up");
        expect_sum(shared_gradient_[1], answer.dshared_down, frozen, "shared down");
        expect_sum(shared_gradient_[2], answer.dshared_gate, frozen, "shared gate");
    }

private:
    [[nodiscard]] bool has_shared() const { return !problem_.shared_gate.empty(); }

    Values own(Values const& all) const {
        auto const begin = all.begin() + signed_size(first_ * kLayerWidth);
        return {begin, begin + signed_size(tokens_ * kLayerWidth)};
    }

    MoeWeights<T> weights() const {
        std::array<std::int64_t, 2> const router{
            signed_size(problem_.experts), signed_size(kLayerWidth)};
        std::array<std::int64_t, 2> const gate_up{
            signed_size(2 * kHidden), signed_size(kLayerWidth)};
        std::array<std::int64_t, 2> const down{signed_size(kLayerWidth), signed_size(kHidden)};
        MoeWeights<T> weights;
        weights.router = router_.template view<2>(router);
        weights.router_gradient = router_gradient_.template view<2>(router);
        if (frozen_.back()) {
            weights.router_gradient.data = nullptr;
        }
        for (auto const e : layout_.placement.experts_of(group_.rank())) {
            auto const i = static_cast<std::size_t>(e);
            ExpertWeights<T> expert{
                gate_up_[i].template view<2>(gate_up), down_[i].template view<2>(down),
                gate_up_gradient_[i].template view<2>(gate_up),
                down_gradient_[i].template view<2>(down)};
            if (frozen_[i]) {
                expert.gate_up_gradient = {};
                expert.down_gradient = {};
            }
            weights.experts.push_back(expert);
        }
        if (has_shared()) {
            weights.shared = shared_weights();
        }
        return weights;
    }

    // Frozen where the first expert is.
    SharedExpertWeights<T> shared_weights() const {
        std::array<std::int64_t, 2> const gate_up{
            signed_size(2 * kSharedHidden), signed_size(kLayerWidth)};
        std::array<std::int64_t, 2> const down{
            signed_size(kLayerWidth), signed_size(kSharedHidden)};
        std::array<std::int64_t, 2> const gate{1, signed_size(kLayerWidth)};
        SharedExpertWeights<T> shared;
        shared.expert = {
            shared_[0].template view<2>(gate_up), shared_[1].template view<2>(down),
            shared_gradient_[0].template view<2>(gate_up),
            shared_gradient_[1].template view<2>(down)};
        shared.gate = shared_[2].template view<2>(gate);
        shared.gate_gradient = shared_gradient_[2].template view<2>(gate);
        if (frozen_.front()) {
            shared.expert.gate_up_gradient = {};
            shared.expert.down_gradient = {};
            shared.gate_gradient.data = nullptr;
        }
        return shared;
    }

    static void expect_near(
        float got, Bounded const& expected, std::string const& name, std::size_t i
    ) {
        EXPECT_LE(std::abs(static_cast<double>(got) - expected.value), expected.error)
            << name << "[" << i << "] is " << got << " and should be " << expected.value;
        EXPECT_TRUE(std::isfinite(got)) << name << "[" << i << "]";
    }

    void expect_sum(
        Buffer<float> const& gradient,
        Bounds const& expected,
        bool is_frozen,
        std::string const& name
    ) const {
        all_reduce_sum(gradient.view(), group_, {});
        for (std::size_t i = 0; i < expected.size(); ++i) {
            expect_near(gradient.data()[i], is_frozen ? Bounded(0.0) : expected[i], "d " + name, i);
        }
    }

    MoeProblem const& problem_;
    Layout const& layout_;
    MpiComm const& group_;
    std::vector<bool> frozen_;
    std::size_t first_ = 0;
    std::size_t tokens_ = 0;
    Buffer<float> router_;
    Buffer<float> router_gradient_;
    std::vector<Buffer<T>> gate_up_;
    std::vector<Buffer<T>> down_;
    std::vector<Buffer<float>> gate_up_gradient_;
    std::vector<Buffer<float>> down_gradient_;
    std::vector<Buffer<T>> shared_;  // gate_up, down, gate
    std::vector<Buffer<float>> shared_gradient_;
    Buffer<T> x_, y_, dx_, evaluated_;
};

void expect_central_differences(MoeProblem problem) {
    auto const answer = MoeReference(problem).solve();
    // Error of a central difference: h^2 / 6 times a third derivative (h = 1e-5: 1e-10), and
    // 2^-53 |loss| / h = 1e-10; |loss| and the derivatives are below 100.
    constexpr double kStep = 1e-5;
    constexpr double kTolerance = 1e-7;
    auto const check = [&](Values& values, Bounds const& gradient, char const* name) {
        for (std::size_t i = 0; i < values.size(); ++i) {
            auto const kept = values[i];
            values[i] = kept + kStep;
            auto const above = MoeReference(problem).solve().loss;
            values[i] = kept - kStep;
            auto const below = MoeReference(problem).solve().loss;
            values[i] = kept;
            EXPECT_NEAR((above - below) / (2 * kStep), gradient[i].value, kTolerance)
                << name << "[" << i << "]";
        }
    };
    check(problem.x, answer.dx, "x");
    check(problem.router, answer.drouter, "router");
    check(problem.gate_up[1], answer.dgate_up[1], "gate_up of expert 1");
    check(problem.down[2], answer.ddown[2], "down of expert 2");
    check(problem.shared_gate_up, answer.dshared_gate_up, "shared gate_up");
    check(problem.shared_down, answer.dshared_down, "shared down");
    check(problem.shared_gate, answer.dshared_gate, "shared gate");
}

class MoeLayerTest : public testing::Test {
protected:
    MpiComm group = MpiComm::split(MPI_COMM_WORLD, 0, 0);
    int checked = 0;

    template <class T>
    void check_all_layouts(
        std::size_t experts, std::size_t choices, std::vector<bool> const& frozen
    ) {
        check_all_layouts<T>(problem_of<T>(experts, choices), frozen);
    }

    template <class T>
    void check_all_layouts(MoeProblem const& problem, std::vector<bool> const& frozen) {
        auto const experts = problem.experts;
        auto const answer = MoeReference(problem).solve();
        // Logits in float are off by far less, so the reference and the layer choose alike.
        ASSERT_GT(answer.smallest_gap, 1e-4);
        for (auto const& layout : layouts(static_cast<std::int32_t>(experts), group.size())) {
            for (auto const overlap : {Overlap::where_it_pays, Overlap::always}) {
                SCOPED_TRACE(
                    std::to_string(experts) + " experts, top " + std::to_string(problem.choices) +
                    ", " + layout.name + (overlap == Overlap::always ? ", in steps" : "")
                );
                RankOfLayer<T> rank(problem, layout, group, frozen);
                rank.run(overlap);
                rank.expect_outputs(answer);
                rank.expect_gradients(answer);
                expect_statistics(rank, answer, experts);
                ++checked;
            }
        }
    }

    template <class T>
    void expect_statistics(RankOfLayer<T> const& rank, MoeAnswer const& answer, std::size_t experts)
        const {
        if (experts == 1) {
            EXPECT_TRUE(rank.stats.expert_tokens.empty());
            EXPECT_EQ(rank.balance.value, 0.0);
            EXPECT_EQ(rank.bytes, 0);
            return;
        }
        auto counts = rank.stats.expert_tokens;
        sum_over(std::span<std::int64_t>(counts), group);
        EXPECT_EQ(counts, answer.counts);
        EXPECT_NEAR(rank.balance.value, answer.balance.value, answer.balance.error);
    }
};

// The reference is trusted because its gradients are the differences of its own loss.
TEST_F(MoeLayerTest, ReferenceGradientsAreCentralDifferences) {
    expect_central_differences(problem_of<float>(4, 2));
    expect_central_differences(with_shared_expert<float>(problem_of<float>(4, 2)));
    expect_central_differences(with_probabilities(problem_of<float>(4, 2)));
}

TEST_F(MoeLayerTest, EqualsTheFormulaOnEveryLayoutInFloat) {
    for (std::size_t const choices : {1U, 2U, 3U}) {
        check_all_layouts<float>(4, choices, std::vector<bool>(5, false));
        check_all_layouts<float>(5, choices, std::vector<bool>(6, false));
    }
    check_all_layouts<float>(2, 2, std::vector<bool>(3, false));
    EXPECT_GT(checked, 0);
}

TEST_F(MoeLayerTest, EqualsTheFormulaOnEveryLayoutInBf16) {
    check_all_layouts<bf16>(5, 2, std::vector<bool>(6, false));
    EXPECT_GT(checked, 0);
}

TEST_F(MoeLayerTest, GatesThatAreProbabilitiesEqualTheFormulaOnEveryLayout) {
    for (std::size_t const choices : {1U, 3U}) {
        auto const problem = with_probabilities(problem_of<float>(5, choices));
        check_all_layouts<float>(problem, std::vector<bool>(6, false));
    }
    check_all_layouts<bf16>(
        with_probabilities(problem_of<bf16>(5, 2)), std::vector<bool>(6, false)
    );
    EXPECT_GT(checked, 0);
}

TEST_F(MoeLayerTest, ASharedExpertWorksForEveryTokenOnEveryLayout) {
    check_all_layouts<float>(
        with_shared_expert<float>(problem_of<float>(5, 2)), std::vector<bool>(6, false)
    );
    check_all_layouts<float>(
        with_probabilities(with_shared_expert<float>(problem_of<float>(4, 2))),
        std::vector<bool>(5, false)
    );
    check_all_layouts<bf16>(
        with_shared_expert<bf16>(problem_of<bf16>(5, 2)), std::vector<bool>(6, false)
    );
    EXPECT_GT(checked, 0);
}

TEST_F(MoeLayerTest, AFrozenSharedExpertGetsNoGradientAndPassesOneOn) {
    auto const problem = with_shared_expert<float>(problem_of<float>(5, 2));
    check_all_layouts<float>(problem, {true, false, true, false, false, false});
    check_all_layouts<float>(problem, {false, true, true, true, true, true});
    EXPECT_GT(checked, 0);
}

TEST_F(MoeLayerTest, FrozenExpertsAndRouterGetNoGradientAndPassOneOn) {
    check_all_layouts<float>(5, 2, {true, true, true, false, false, false});
    check_all_layouts<float>(5, 2, {false, true, false, true, false, true});
    check_all_layouts<float>(5, 2, std::vector<bool>(6, true));
    EXPECT_GT(checked, 0);
}

TEST_F(MoeLayerTest, ASingleExpertIsAPlainFeedForwardWithoutMpi) {
    auto const problem = problem_of<float>(1, 1);
    auto const answer = MoeReference(problem).solve();
    for (bool const frozen : {false, true}) {
        for (auto const& layout : layouts(1, group.size())) {
            if (!layout.placement.is_local(group.size())) {
                continue;
            }
            RankOfLayer<float> rank(problem, layout, group, {frozen, true});
            rank.run();
            rank.expect_outputs(answer);
            rank.expect_gradients(answer);
            expect_statistics(rank, answer, 1);
            ++checked;
        }
    }
    EXPECT_GT(checked, 0);
}

TEST_F(MoeLayerTest, NoTokensAnywhereIsAllowed) {
    auto const problem = with_shared_expert<float>(problem_of<float>(4, 2));
    Layout layout{"none", placements(4, group.size()).at(0), {}};
    layout.tokens.assign(static_cast<std::size_t>(group.size()), 0);
    RankOfLayer<float> rank(problem, layout, group, std::vector<bool>(5, false));
    rank.run();
    EXPECT_EQ(rank.balance.value, 0.0);
    EXPECT_EQ(rank.balance.slope.at(0), std::vector<float>(4, 0.0F));
    EXPECT_EQ(rank.bytes, 0);
}

TEST_F(MoeLayerTest, RefusesWeightsThatDoNotFitThePlacement) {
    auto const placement = placements(4, group.size()).at(0);
    EXPECT_THROW(
        MoeLayer<float>({signed_size(kLayerWidth), signed_size(kHidden), 2}, placement, group, {}),
        Error
    );
}

}  // namespace
}  // namespace isogloss
