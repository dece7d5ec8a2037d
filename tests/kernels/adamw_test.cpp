// kernels/adamw_test.cpp
#include "kernels/adamw.h"

#include "support/expect_error.h"
#include "support/tensor.h"

namespace isogloss {
namespace {

using test::Tensor;

template <class T>
class AdamwTest : public ::testing::Test {};
TYPED_TEST_SUITE(AdamwTest, test::FloatTypes);

AdamwStep step_number(std::int64_t t) {
    AdamwStep step;
    step.learning_rate = 0.01F;
    step.beta1 = 0.9F;
    step.beta2 = 0.95F;
    step.epsilon = 1e-6F;
    step.weight_decay = 0.1F;
    step.gradient_scale = 0.5F;
    step.step = t;
    return step;
}

/// Algorithm 2 in double, one element.
struct Exact {
    double master, first = 0.0, second = 0.0;

    void update(double gradient, AdamwStep const& s) {
        double const g = static_cast<double>(s.gradient_scale) * gradient;
        double const b1 = s.beta1;
        double const b2 = s.beta2;
        auto const t = static_cast<double>(s.step);
        first = b1 * first + (1.0 - b1) * g;
        second = b2 * second + (1.0 - b2) * g * g;
        double const m = first / (1.0 - std::pow(b1, t));
        double const v = second / (1.0 - std::pow(b2, t));
        master -= static_cast<double>(s.learning_rate) *
                  (m / (std::sqrt(v) + static_cast<double>(s.epsilon)) +
                   static_cast<double>(s.weight_decay) * master);
    }
};

TYPED_TEST(AdamwTest, FollowsTheFormulaForSeveralSteps) {
    constexpr std::int64_t kSize = 1003;
    constexpr int kSteps = 5;
    auto master = Tensor<float, 1>::normal({kSize}, "master");
    std::vector<Exact> exact;
    for (double const value : master.doubles()) {
        exact.push_back({value});
    }
    Tensor<float, 1> first({kSize}, 0.0);
    Tensor<float, 1> second({kSize}, 0.0);
    Tensor<TypeParam, 1> value({kSize});
    for (int t = 1; t <= kSteps; ++t) {
        auto const gradient = Tensor<float, 1>::normal({kSize}, "gradient" + std::to_string(t));
        AdamwStep const step = step_number(t);
        adamw<TypeParam>(
            gradient.in(), step, master.view(), first.view(), second.view(), value.view(), {}
        );
        for (std::int64_t i = 0; i < kSize; ++i) {
            exact[static_cast<std::size_t>(i)].update(gradient[i], step);
        }
    }
    // A step: 8 roundings of the direction (below 10), times the rate 0.01; one of the master
    // weight (below 5). The moments: 4 roundings a step on numbers below 4.
    double const moments = kSteps * 4.0 * 4.0 * test::kFloatRounding;
    double const bound = kSteps * (0.01 * 10.0 * 8.0 + 5.0) * test::kFloatRounding;
    for (std::int64_t i = 0; i < kSize; ++i) {
        Exact const& e = exact[static_cast<std::size_t>(i)];
        ASSERT_NEAR(first[i], e.first, moments) << i;
        ASSERT_NEAR(second[i], e.second, moments) << i;
        ASSERT_NEAR(master[i], e.master, bound) << i;
        ASSERT_EQ(value.raw(i), from_float<TypeParam>(master.raw(i))) << i;
    }
}

TEST(AdamwInPlaceTest, TheMasterWeightMayBeTheValue) {
    auto const gradient = Tensor<float, 1>::normal({500}, "gradient");
    auto apart = Tensor<float, 1>::normal({500}, "master");
    auto together = apart;
    Tensor<float, 1> value({500});
    for (auto* master : {&apart, &together}) {
        Tensor<float, 1> first({500}, 0.0);
        Tensor<float, 1> second({500}, 0.0);
        adamw<float>(
            gradient.in(), step_number(1), master->view(), first.view(), second.view(),
            master == &apart ? value.view() : together.view(), {}
        );
    }
    EXPECT_TRUE(together.same_bits(apart));
    EXPECT_TRUE(together.same_bits(value));
}

TEST(AdamwThreadsTest, TheSameBitsForAnyNumberOfThreads) {
    auto const gradient = Tensor<float, 1>::normal({70'001}, "gradient");
    auto const run = [&] {
        auto master = Tensor<float, 1>::normal({70'001}, "master");
        Tensor<float, 1> first({70'001}, 0.1);
        Tensor<float, 1> second({70'001}, 0.2);
        Tensor<bf16, 1> value({70'001});
        adamw<bf16>(
            gradient.in(), step_number(3), master.view(), first.view(), second.view(), value.view(),
            {}
        );
        return master;
    };
    auto const expected = run();
    test::for_thread_counts([&](int threads) { EXPECT_TRUE(run().same_bits(expected)) << threads; }
    );
}

TEST(AdamwCheckTest, StepsCountFromOne) {
    Tensor<float, 1> x({1}, 1.0);
    test::expect_error(Exit::internal, "step is 0; the first is 1", [&] {
        adamw<float>(x.in(), step_number(0), x.view(), x.view(), x.view(), x.view(), {});
    });
}

}  // namespace
}  // namespace isogloss
