// kernels/rotary_test.cpp
#include "kernels/rotary.h"

#include "kernels/rotary_frequency.h"
#include "support/expect_error.h"
#include "support/tensor.h"

namespace isogloss {
namespace {

using test::Tensor;

template <class T>
class RotaryTest : public ::testing::Test {};
TYPED_TEST_SUITE(RotaryTest, test::FloatTypes);

constexpr std::int64_t kPositions = 40;
constexpr std::int64_t kRotaryWidth = 10;
constexpr std::int64_t kRotaryHeads = 5;
constexpr std::int64_t kRotated = 3;

struct Table {
    Table() : cosine({kPositions, kRotaryWidth / 2}), sine({kPositions, kRotaryWidth / 2}) {
        rotary_table(
            rotary_frequencies(10000.0F, cosine.host().shape[1]), cosine.host(), sine.host()
        );
    }
    Tensor<float, 2> cosine;
    Tensor<float, 2> sine;
};

double angle(std::int64_t position, std::int64_t i) {
    return static_cast<double>(position) *
           std::pow(10000.0, -2.0 * static_cast<double>(i) / kRotaryWidth);
}

TEST(RotaryTableTest, HoldsTheAnglesOfEachPosition) {
    Table const table;
    for (std::int64_t p = 0; p < kPositions; ++p) {
        for (std::int64_t i = 0; i < kRotaryWidth / 2; ++i) {
            EXPECT_NEAR(table.cosine[p * kRotaryWidth / 2 + i], std::cos(angle(p, i)), 0x1p-24);
            EXPECT_NEAR(table.sine[p * kRotaryWidth / 2 + i], std::sin(angle(p, i)), 0x1p-24);
        }
    }
}

TYPED_TEST(RotaryTest, TurnsQueriesAndKeysAndLeavesValues) {
    Table const table;
    std::int64_t const tokens = 77;
    auto qkv = Tensor<TypeParam, 3>::normal({tokens, kRotaryHeads, kRotaryWidth}, "qkv");
    auto const before = qkv.doubles();
    auto const position = Tensor<std::int32_t, 1>::below({tokens}, "position", kPositions);
    rotary<TypeParam>(
        qkv.view(), kRotated, position.in(), table.cosine.in(), table.sine.in(), Rotation::forward,
        {}
    );
    auto expected = before;
    std::int64_t const half = kRotaryWidth / 2;
    for (std::int64_t n = 0; n < tokens; ++n) {
        for (std::int64_t j = 0; j < kRotated * half; ++j) {
            auto const a =
                static_cast<std::size_t>((n * kRotaryHeads + j / half) * kRotaryWidth + j % half);
            auto const b = a + static_cast<std::size_t>(half);
            double const turn = angle(position.raw(n), j % half);
            expected[a] = before[a] * std::cos(turn) - before[b] * std::sin(turn);
            expected[b] = before[b] * std::cos(turn) + before[a] * std::sin(turn);
        }
    }
    test::expect_near(qkv, expected, [&](std::size_t i) {
        // |a|, |b| < 6; table, products and sum are rounded in float, the result in T.
        bool const turned = static_cast<std::int64_t>(i) / kRotaryWidth % kRotaryHeads < kRotated;
        return turned ? 12.0 * 4.0 * test::kFloatRounding +
                            1.01 * test::rounding_of<TypeParam>() * std::abs(expected[i])
                      : 0.0;
    });
}

TEST(RotaryInverseTest, UndoesTheTurn) {
    Table const table;
    auto qkv = Tensor<float, 3>::normal({300, kRotaryHeads, kRotaryWidth}, "qkv");
    auto const before = qkv.doubles();
    auto const position = Tensor<std::int32_t, 1>::below({300}, "position", kPositions);
    for (Rotation const rotation : {Rotation::forward, Rotation::inverse}) {
        rotary<float>(
            qkv.view(), kRotated, position.in(), table.cosine.in(), table.sine.in(), rotation, {}
        );
    }
    // Two turns, each with the error of the test above.
    test::expect_near(qkv, before, [](std::size_t) { return 100.0 * test::kFloatRounding; });
}

TYPED_TEST(RotaryTest, TheSameBitsForAnyNumberOfThreads) {
    Table const table;
    auto const position = Tensor<std::int32_t, 1>::below({2000}, "position", kPositions);
    auto const run = [&] {
        auto qkv = Tensor<TypeParam, 3>::normal({2000, kRotaryHeads, kRotaryWidth}, "qkv");
        rotary<TypeParam>(
            qkv.view(), kRotated, position.in(), table.cosine.in(), table.sine.in(),
            Rotation::forward, {}
        );
        return qkv;
    };
    auto const first = run();
    test::for_thread_counts([&](int threads) { EXPECT_TRUE(run().same_bits(first)) << threads; });
}

TEST(RotaryCheckTest, PositionsOutsideTheTableAreRefused) {
    ISOGLOSS_CPU_ONLY();
    Table const table;
    Tensor<float, 3> qkv({1, kRotaryHeads, kRotaryWidth}, 0.0);
    Tensor<std::int32_t, 1> const position({1}, kPositions);
    test::expect_error(Exit::internal, "position[0] is 40; the table has 40 positions", [&] {
        rotary<float>(
            qkv.view(), kRotated, position.in(), table.cosine.in(), table.sine.in(),
            Rotation::forward, {}
        );
    });
}

}  // namespace
}  // namespace isogloss
