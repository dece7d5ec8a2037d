// growth/layer_list_test.cpp
#include "growth/layer_list.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "support/expect_error.h"

namespace isogloss {
namespace {

using Layers = std::vector<std::int32_t>;

TEST(LayerListTest, RunsHaveBothEnds) {
    EXPECT_EQ(
        parse_layers("0-4,20-23", 24, "layers").layers, (Layers{0, 1, 2, 3, 4, 20, 21, 22, 23})
    );
    EXPECT_EQ(parse_layers(" 7 , 2-2", 8, "layers").layers, (Layers{2, 7}));
    EXPECT_EQ(parse_layers("5,6,10-13,23", 24, "x").layers, (Layers{5, 6, 10, 11, 12, 13, 23}));
}

TEST(LayerListTest, AllFaultsAreListed) {
    auto const list = parse_layers("3,a-4,4-2,-1,1,1,9,0-999999999999", 4, "layers");
    // a-4, 4-2 and -1 are no layers; 1 is doubled; 9 is beyond; the run doubles 1 and 3 and goes to
    // 4, the first beyond the model.
    EXPECT_EQ(list.faults.size(), 3U + 1U + 1U + 3U);
    EXPECT_EQ(list.faults[0], "layers: \"a-4\" is neither a layer (7) nor a run of layers (0-4)");
    EXPECT_NE(
        std::ranges::find(list.faults, "layers: there is no layer 9; the model has layers 0 to 3"),
        list.faults.end()
    );
    EXPECT_EQ(parse_layers("", 4, "layers").faults.size(), 1U);
    EXPECT_EQ(parse_layers(",,", 4, "layers").layers, Layers{});
}

// DMoE, Bloom-560M: layers 0-4 and 20-23 are 2^5 - 1 + 2^24 - 2^20 = 31 + 15728640.
TEST(LayerListTest, AMaskHasABitALayer) {
    EXPECT_EQ(layers_of_mask(15728671, 24, "mask").layers, (Layers{0, 1, 2, 3, 4, 20, 21, 22, 23}));
    EXPECT_EQ(layers_of_mask(std::uint64_t{1} << 63, 64, "mask").layers, Layers{63});
    EXPECT_EQ(layers_of_mask(15728671, 22, "mask").faults.size(), 2U);
    EXPECT_EQ(layers_of_mask(0, 22, "mask").faults.size(), 1U);
}

TEST(LayerListTest, TheTopIsByScoreAndTiesGoToTheLowerLayer) {
    std::vector<double> const score{0.2, 0.5, 0.5, 0.9, 0.5};
    EXPECT_EQ(top_layers(score, 1), Layers{3});
    EXPECT_EQ(top_layers(score, 2), (Layers{1, 3}));
    EXPECT_EQ(top_layers(score, 3), (Layers{1, 2, 3}));
    EXPECT_EQ(top_layers(score, 5), (Layers{0, 1, 2, 3, 4}));
    for (auto const count : {-1, 0, 6}) {
        test::expect_error(Exit::usage, "must lie in [1, 5]", [&] { top_layers(score, count); });
    }
}

TEST(LayerListTest, TextReadsBack) {
    for (auto const* text : {"0-4,20-23", "7", "0,2,4", "1-2,4"}) {
        EXPECT_EQ(layers_text(parse_layers(text, 24, "layers").layers), text);
    }
    EXPECT_EQ(layers_text(Layers{}), "");
}

}  // namespace
}  // namespace isogloss
