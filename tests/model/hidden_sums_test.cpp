// model/hidden_sums_test.cpp
#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <vector>

#include "base/error.h"
#include "comm/collective.h"
#include "model/language_model.h"
#include "model/model_fixture.h"
#include "moe/unit_rows.h"

namespace isogloss {
namespace {

TEST(UnitRowsTest, AddsDirectionsOfCountedRowsAndNothingForZeros) {
    // Lengths 5, 13, any, 0: directions (3, 4) / 5 and (5, 12) / 13.
    std::vector<float> const x{3.0F, 4.0F, -5.0F, 12.0F, 7.0F, 1.0F, 0.0F, 0.0F};
    std::vector<std::int32_t> const target{2, 0, -1, 4};
    std::vector<double> sum{1.0, 2.0};
    add_unit_rows<float>({x.data(), {4, 2}}, {target.data(), {4}}, sum, {});
    EXPECT_DOUBLE_EQ(sum[0], 1.0 + 3.0 / 5.0 - 5.0 / 13.0);
    EXPECT_DOUBLE_EQ(sum[1], 2.0 + 4.0 / 5.0 + 12.0 / 13.0);
    EXPECT_THROW(add_unit_rows<float>({x.data(), {4, 2}}, {target.data(), {3}}, sum, {}), Error);
}

// The first layer's input follows from the embedding by formula; sums over ranks do not depend on
// how rows are spread.
TEST(HiddenSumsTest, AreTheSameOnAnyNumberOfRanksAndAddUpOverPasses) {
    auto const config = test::small_config({1, 2, 3}, DType::f32);
    Fixture fixture(config, kFloatMargin);
    HiddenSums once;
    fixture.model.evaluate(fixture.batch, {}, &once);
    HiddenSums twice = once;
    fixture.model.evaluate(fixture.batch, {}, &twice);
    ASSERT_EQ(once.unit_sum.size(), 36U);
    for (std::size_t i = 0; i < 36; ++i) {
        // 17 terms below 1 of a sum that starts elsewhere.
        EXPECT_NEAR(twice.unit_sum[i], 2.0 * once.unit_sum[i], 17.0 * 2e-16 * 17.0);
    }
    EXPECT_EQ(twice.tokens, 2 * once.tokens);
    sum_over(std::span<double>(once.unit_sum), fixture.group);
    EXPECT_EQ(sum_over(once.tokens, fixture.group), test::counted_targets(fixture.all));

    auto const self = MpiComm::split(MPI_COMM_WORLD, fixture.group.rank(), 0);
    LanguageModel alone(config, test::uneven_placement(config, 1), self, {});
    test::set_parameters(alone.parameters(), fixture.parameters);
    HiddenSums whole;
    alone.evaluate(test::part_of(fixture.all, 0, 1), {}, &whole);
    // Other ranks, other sums in float: a direction's element moves by kFloatBound of 1, 17 tokens.
    for (std::size_t i = 0; i < 36; ++i) {
        EXPECT_NEAR(once.unit_sum[i], whole.unit_sum[i], 17.0 * kFloatBound.largest);
    }
    HiddenSums wrong;
    wrong.unit_sum.resize(5);
    EXPECT_THROW(alone.evaluate(test::part_of(fixture.all, 0, 1), {}, &wrong), Error);
}

}  // namespace
}  // namespace isogloss
