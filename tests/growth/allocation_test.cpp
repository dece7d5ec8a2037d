// growth/allocation_test.cpp - the published sums, and a budget that is kept exactly.
#include "growth/allocation.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <numeric>

#include "base/random.h"
#include "support/expect_error.h"

namespace isogloss {
namespace {

using test::expect_error;
using Counts = std::vector<std::int32_t>;

// S of Llama-3.2-3B for Greek, Hungarian and Turkish, as published.
std::vector<double> const kLlama{.0359, .0402, .0352, .0503, .0636, .0698, .0842,
                                 .0960, .0945, .0978, .1060, .1094, .1164, .1074,
                                 .1152, .1109, .0973, .0907, .0830, .0835, .0778,
                                 .0683, .0685, .0548, .0498, .0497, .0481, .0453};

std::int64_t sum_of(Counts const& counts) {
    return std::accumulate(counts.begin(), counts.end(), std::int64_t{0});
}

TEST(AllocationTest, ThePublishedSimilaritiesGiveThePublishedSums) {
    for (auto const& [budget, sum] :
         std::vector<std::pair<int, int>>{{56, 69}, {60, 75}, {66, 80}, {70, 84}}) {
        EXPECT_EQ(sum_of(allocate_by_ceiling(kLlama, budget, 1)), sum) << budget;
    }
}

TEST(AllocationTest, EachLayerGetsItsInverseShareRoundedUp) {
    // 1/S = 4, 2, 2: shares of 8 are 4, 2, 2, exactly; of 9 they are 4.5, 2.25, 2.25.
    std::vector<double> const similarity{0.25, 0.5, 0.5};
    EXPECT_EQ(allocate_by_ceiling(similarity, 8, 1), (Counts{4, 2, 2}));
    EXPECT_EQ(allocate_by_ceiling(similarity, 9, 1), (Counts{5, 3, 3}));
    EXPECT_EQ(allocate_by_ceiling(similarity, 12, 4), (Counts{6, 4, 4}));
}

TEST(AllocationTest, AnExactBudgetIsSpentByTheLargestFractions) {
    std::vector<double> const similarity{0.25, 0.5, 0.5};
    EXPECT_EQ(allocate_exactly(similarity, 8, 1), (Counts{4, 2, 2}));
    EXPECT_EQ(allocate_exactly(similarity, 9, 1), (Counts{5, 2, 2}));   // .5 before .25
    EXPECT_EQ(allocate_exactly(similarity, 11, 1), (Counts{5, 3, 3}));  // .75, .75, then .5
    EXPECT_EQ(allocate_exactly(similarity, 13, 1), (Counts{7, 3, 3}));  // 6.5, 3.25, 3.25
    // Equal fractions: the lower layer. 5 over four equal layers is 1.25 each.
    EXPECT_EQ(allocate_exactly(std::vector<double>(4, 0.1), 5, 1), (Counts{2, 1, 1, 1}));
}

TEST(AllocationTest, AnExactBudgetKeepsTheMinimum) {
    // Shares of 10 are 8.85, 0.88, 0.27: the last two get the minimum, the first what is left.
    std::vector<double> const similarity{0.03, 0.3, 1.0};
    EXPECT_EQ(allocate_exactly(similarity, 10, 1), (Counts{8, 1, 1}));
    EXPECT_EQ(allocate_exactly(similarity, 10, 2), (Counts{6, 2, 2}));
    EXPECT_EQ(allocate_exactly(similarity, 6, 2), (Counts{2, 2, 2}));
    EXPECT_EQ(allocate_exactly(similarity, 3, 1), (Counts{1, 1, 1}));
}

// 1/S = 10, 2 and twelve times 1. Of 44 experts those twelve would get 44/24 each, under 2, so they
// have 2; of the 20 left the others get 10/12 and 2/12: 16.67 and 3.33.
TEST(AllocationTest, WhatIsLeftIsSharedByTheLayersThatAreLeft) {
    std::vector<double> similarity(14, 1.0);
    similarity[0] = 0.1;
    similarity[1] = 0.5;
    Counts expected(14, 2);
    expected[0] = 17;
    expected[1] = 3;
    EXPECT_EQ(allocate_exactly(similarity, 44, 2), expected);
}

TEST(AllocationTest, AnExactBudgetIsExactAndFollowsTheOrderOfTheSimilarities) {
    for (std::uint64_t seed = 0; seed < 50; ++seed) {
        std::vector<double> similarity;
        for (std::uint64_t layer = 0; layer < 28; ++layer) {
            similarity.push_back(0.01 + random_uniform(seed, 1, layer));
        }
        for (std::int32_t const minimum : {1, 2}) {
            auto const budget = 56 + static_cast<std::int64_t>(seed);
            auto const experts = allocate_exactly(similarity, budget, minimum);
            EXPECT_EQ(sum_of(experts), budget);
            EXPECT_GE(std::ranges::min(experts), minimum);
            for (std::size_t a = 0; a < experts.size(); ++a) {
                for (std::size_t b = 0; b < experts.size(); ++b) {
                    EXPECT_TRUE(similarity[a] >= similarity[b] || experts[a] >= experts[b]);
                }
            }
        }
    }
}

TEST(AllocationTest, ABudgetUnderTheLayersIsRefusedWithTheLeast) {
    for (auto const& allocate : {allocate_by_ceiling, allocate_exactly}) {
        expect_error(Exit::usage, "budget = 27: is under 28 experts", [&] {
            allocate(kLlama, 27, 1);
        });
        expect_error(Exit::usage, "give at least 56, or a lower minimum", [&] {
            allocate(kLlama, 55, 2);
        });
        expect_error(Exit::usage, "minimum = 0", [&] { allocate(kLlama, 70, 0); });
        expect_error(Exit::usage, "is above 27972", [&] { allocate(kLlama, 1 << 30, 1); });
        EXPECT_GE(sum_of(allocate(kLlama, 28, 1)), 28);
    }
}

TEST(AllocationTest, SimilaritiesAreReadFromAFileOfTheStepBefore) {
    std::vector<double> const expected{0.5, 0.25};
    for (auto const* text :
         {R"({"languages": ["el"], "similarity": [0.5, 0.25], "new_old": [1, 2]})",
          "[0.5, 0.25]"}) {
        EXPECT_EQ(layer_similarity_from_json(Json::parse(text), "s.json"), expected);
    }
}

TEST(AllocationTest, BadSimilaritiesAreNamedByTheirLayer) {
    for (auto const& [text, part] : std::vector<std::pair<std::string, std::string>>{
             {"{\"similarity\": [0.5, 0]}", "s.json, layer 1: a similarity of 0 has no share"},
             {"{\"similarity\": [-0.5, 0.1]}", "layer 0: a similarity of -0.5"},
             {"{\"similarity\": [0.5, \"NaN\"]}", "layer 1: \"NaN\" is no finite number"},
             {"{\"similarity\": [0.5, [1]]}", "layer 1: array is no finite number"},
             {"{\"similarity\": []}", "must be a list of numbers"},
             {"{\"similarities\": [1]}",
              "\"similarity\", a list of one number a layer, is missing"},
             {"3", "is missing"}}) {
        expect_error(Exit::data, part, [&, value = Json::parse(text)] {
            layer_similarity_from_json(value, "s.json");
        });
    }
}

}  // namespace
}  // namespace isogloss
