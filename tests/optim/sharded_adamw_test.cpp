// optim/sharded_adamw_test.cpp - the update against the formula in double, on any number of ranks.
#include "optim/sharded_adamw.h"
#include "support/all_ranks.h"

#include <gtest/gtest.h>

#include <cmath>
#include <vector>

namespace isogloss {
namespace {

constexpr std::int64_t kSize = 37;  // divisible by none of 2, 3, 4
constexpr int kSteps = 20;
constexpr float kRate = 0.01F;
std::vector<Range> const kDecayed{{3, 11}, {12, 30}};  // borders inside the ranks' parts

bool is_decayed(std::int64_t i) {
    return (i >= 3 && i < 11) || (i >= 12 && i < 30);
}

// Quarters between 1/4 and 1 with changing sign: their sums over ranks are exact in float, so every
// number of ranks sees the same gradient.
float gradient_of(std::int64_t i, int step) {
    auto const quarters = static_cast<float>((i * 7 + step * 3) % 4 + 1);
    return ((i + step) % 3 == 0 ? -0.25F : 0.25F) * quarters;
}

// Rank `rank`'s share: the first rank gives what the others have too much.
float share_of(std::int64_t i, int step, MpiComm const& group) {
    float const others = 8.0F + static_cast<float>(i);
    return group.rank() == 0 ? gradient_of(i, step) - others * static_cast<float>(group.size() - 1)
                             : others;
}

float start_of(std::int64_t i) {
    return static_cast<float>(i - 18) / 16.0F;
}

AdamwStep step_of(int step) {
    return {.learning_rate = kRate, .weight_decay = 0.25F, .gradient_scale = 0.5F, .step = step};
}

// One model of kSize elements on the ranks of `group`, and its optimizer.
template <class T>
struct Fixture {
    explicit Fixture(MpiComm const& a_group)
        : group(a_group), values(Device::cpu, kSize), gradients(Device::cpu, kSize) {
        for (std::int64_t i = 0; i < kSize; ++i) {
            values.data()[i] = from_float<T>(start_of(i));
        }
    }
    OptimizedParameters parameters() {
        return {&group, dtype_of<T>(), values.data(), gradients.view(), kDecayed};
    }
    void run(ShardedAdamw& optimizer) {
        for (int step = 1; step <= kSteps; ++step) {
            for (std::int64_t i = 0; i < kSize; ++i) {
                gradients.data()[i] = share_of(i, step, group);
            }
            optimizer.reduce_gradients(optimizer.elements(), {});
            optimizer.update_own(step_of(step), optimizer.elements(), Stream{});
            optimizer.share_values(optimizer.elements(), Stream{});
        }
    }

    MpiComm const& group;
    Buffer<T> values;
    Buffer<float> gradients;
};

MpiComm alone() {
    auto const all = test::all_ranks();
    return MpiComm::split(all.get(), all.rank(), 0);
}

double expected(std::int64_t i) {
    double w = start_of(i);
    double m = 0.0;
    double v = 0.0;
    double const beta1 = 0.9F;
    double const beta2 = 0.95F;
    for (int t = 1; t <= kSteps; ++t) {
        double const g = 0.5 * gradient_of(i, t);
        m = beta1 * m + (1.0 - beta1) * g;
        v = beta2 * v + (1.0 - beta2) * g * g;
        double const m_hat = m / (1.0 - std::pow(beta1, t));
        double const v_hat = v / (1.0 - std::pow(beta2, t));
        double const decay = is_decayed(i) ? 0.25 : 0.0;
        w -= static_cast<double>(kRate) *
             (m_hat / (std::sqrt(v_hat) + static_cast<double>(1e-8F)) + decay * w);
    }
    return w;
}

TEST(ShardedAdamwTest, TwentyStepsFollowTheFormula) {
    auto const group = test::all_ranks();
    Fixture<float> fixture(group);
    ShardedAdamw optimizer(fixture.parameters());
    fixture.run(optimizer);
    // With u = 2^-24: a step rounds w once or twice (2 u |w|), and m, v, their corrections and the
    // quotient some ten times. Errors of m do not fade within 1 / (1 - b1) = 10 steps and weigh
    // max |g| / min |g| = 4 times in the quotient: 10 * 10 * 4 u of the rate, rounded up to 512 u.
    double const u = 1.0 / (1 << 24);
    for (std::int64_t i = 0; i < kSize; ++i) {
        double const w = expected(i);
        EXPECT_NEAR(
            fixture.values.data()[i], w,
            kSteps * u * (2.0 * (std::abs(w) + 0.5) + 512.0 * static_cast<double>(kRate))
        ) << "element "
          << i;
    }
}

TEST(ShardedAdamwTest, RanksDoNotChangeABit) {
    auto const group = test::all_ranks();
    auto const self = alone();
    Fixture<bf16> shared(group);
    Fixture<bf16> single(self);
    ShardedAdamw shared_optimizer(shared.parameters());
    ShardedAdamw single_optimizer(single.parameters());
    shared.run(shared_optimizer);
    single.run(single_optimizer);
    auto const owned = shared_optimizer.owned();
    ASSERT_EQ(owned, even_part(kSize, group.size(), group.rank()));
    for (std::int64_t i = 0; i < kSize; ++i) {
        EXPECT_EQ(shared.values.data()[i], single.values.data()[i]) << "element " << i;
    }
    for (auto i = owned.begin; i < owned.end; ++i) {
        auto const at = i - owned.begin;
        EXPECT_EQ(shared_optimizer.master().data[at], single_optimizer.master().data[i]);
        EXPECT_EQ(
            shared_optimizer.first_moment().data[at], single_optimizer.first_moment().data[i]
        );
        EXPECT_EQ(
            shared_optimizer.second_moment().data[at], single_optimizer.second_moment().data[i]
        );
    }
}

TEST(ShardedAdamwTest, Bf16ValuesAreTheRoundedMasters) {
    auto const group = test::all_ranks();
    Fixture<bf16> fixture(group);
    ShardedAdamw optimizer(fixture.parameters());
    fixture.run(optimizer);
    auto const owned = optimizer.owned();
    double const u = 1.0 / (1 << 24);
    for (auto i = owned.begin; i < owned.end; ++i) {
        float const master = optimizer.master().data[i - owned.begin];
        EXPECT_EQ(fixture.values.data()[i], from_float<bf16>(master));
        // The start values are exact in bf16, so the masters follow the same formula.
        EXPECT_NEAR(
            master, expected(i),
            kSteps * u * (2.0 * (std::abs(expected(i)) + 0.5) + 512.0 * static_cast<double>(kRate))
        );
    }
}

TEST(ShardedAdamwTest, MastersCanBeTakenFromValuesAgain) {
    auto const group = test::all_ranks();
    Fixture<bf16> fixture(group);
    ShardedAdamw optimizer(fixture.parameters());
    for (std::int64_t i = 0; i < kSize; ++i) {
        fixture.values.data()[i] = from_float<bf16>(static_cast<float>(i));
    }
    optimizer.take_masters_from_values();
    auto const owned = optimizer.owned();
    for (auto i = owned.begin; i < owned.end; ++i) {
        EXPECT_EQ(optimizer.master().data[i - owned.begin], static_cast<float>(i));
    }
}

TEST(ShardedAdamwTest, FewerElementsThanRanksLeaveSomeRanksEmpty) {
    auto const group = test::all_ranks();
    Buffer<float> value(Device::cpu, 1);
    Buffer<float> gradient(Device::cpu, 1);
    ShardedAdamw optimizer({&group, DType::f32, value.data(), gradient.view(), {{0, 1}}});
    gradient.data()[0] = 1.0F;
    optimizer.reduce_gradients(optimizer.elements(), {});
    optimizer.update_own(
        {.learning_rate = 1.0F, .epsilon = 1e-8F, .step = 1}, optimizer.elements(), Stream{}
    );
    optimizer.share_values(optimizer.elements(), Stream{});
    // First step: m / (1 - b1) = g, sqrt(v / (1 - b2)) = |g|, so w = -1. Rounded once each are the
    // two corrections, their products, the root, the sum with epsilon (itself a sixth of a unit),
    // the quotient and w: 8 units of 2^-24, and one for epsilon.
    EXPECT_NEAR(value.data()[0], -1.0F, 9.0F / (1 << 24));
    EXPECT_EQ(optimizer.owned().size(), group.rank() == 0 ? 1 : 0);
}

}  // namespace
}  // namespace isogloss
