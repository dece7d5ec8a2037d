// model/initialise_test.cpp - what random weights are, and that ranks agree on them.
#include <gtest/gtest.h>

#include <cmath>

#include "comm/collective.h"
#include "support/all_ranks.h"
#include "support/small_model.h"

namespace isogloss {
namespace {

ParameterTable initialised(ModelConfig const& config, MpiComm const& group, std::uint64_t seed) {
    ParameterTable table(config, test::uneven_placement(config, group.size()), group, Device::cpu);
    initialise(table, config, seed);
    return table;
}

double deviation_of(std::span<float const> values) {
    double squares = 0.0;
    for (auto const value : values) {
        squares += static_cast<double>(value) * static_cast<double>(value);
    }
    return std::sqrt(squares / static_cast<double>(values.size()));
}

TEST(InitialiseTest, DeviationsAreThoseOfTheFormula) {
    auto const group = test::all_ranks();
    auto config = test::small_config({1, 2}, DType::f32);
    config.layers[1].shared_hidden = 150;
    config.width = 96;
    config.ffn_hidden = 200;
    config.vocab_size = 300;
    config.qkv_bias = true;
    auto const table = initialised(config, group, 5);
    // The deviation of n normal numbers has itself the relative deviation 1 / sqrt(2 n): five of
    // those.
    for (auto const& [name, expected] : std::vector<std::pair<std::string, double>>{
             {"embedding.weight", 0.02},
             {"layers.1.attention.qkv.weight", 0.02},
             {"layers.1.attention.output.weight", 0.02 / 2.0},  // sqrt(2 * 2 layers)
             {"layers.0.experts.0.gate_up.weight", 0.02},
             {"layers.0.experts.0.down.weight", 0.02 / 2.0},
             {"layers.1.shared_expert.gate_up.weight", 0.02},
             {"layers.1.shared_expert.down.weight", 0.02 / 2.0},
             {"layers.1.shared_expert.gate.weight", 0.02},
             {"head.weight", 0.02}}) {
        auto const values = table.values<float>(table.index_of(name)).span();
        double const spread = 5.0 / std::sqrt(2.0 * static_cast<double>(values.size()));
        EXPECT_NEAR(deviation_of(values) / expected, 1.0, spread) << name;
    }
    for (auto const gain : table.values<float>(table.index_of("final_norm.weight")).span()) {
        EXPECT_EQ(gain, 1.0F);
    }
    for (auto const bias :
         table.values<float>(table.index_of("layers.0.attention.qkv.bias")).span()) {
        EXPECT_EQ(bias, 0.0F);
    }
}

TEST(InitialiseTest, SeedAndNameDecideNotRank) {
    auto const group = test::all_ranks();
    auto const self = MpiComm::split(group.get(), group.rank(), 0);
    auto const config = test::small_config({1, 5}, DType::bf16);
    auto const here = initialised(config, group, 7);
    auto const alone = initialised(config, self, 7);
    auto const other = initialised(config, self, 8);
    std::int64_t compared = 0;
    std::int64_t equal_to_other = 0;
    for (std::size_t i = 0; i < here.specs().size(); ++i) {
        auto const& spec = here.specs()[i];
        if (!here.is_held(i) || spec.dtype != DType::bf16 || spec.shape.size() < 2) {
            continue;
        }
        for (std::int64_t k = 0; k < spec.size(); ++k) {
            ASSERT_EQ(here.values<bf16>(i).data[k], alone.values<bf16>(i).data[k]) << spec.name;
            equal_to_other += here.values<bf16>(i).data[k] == other.values<bf16>(i).data[k];
            ++compared;
        }
    }
    EXPECT_GT(compared, 1000);
    EXPECT_LT(equal_to_other, compared / 50);  // another seed, other numbers
}

TEST(InitialiseTest, ACopyStartsAsItsAncestor) {
    auto const group = test::all_ranks();
    auto const self = MpiComm::split(group.get(), group.rank(), 0);
    auto config = test::small_config({4}, DType::f32);
    config.layers[0].experts[1].parent = 0;
    config.layers[0].experts[3].parent = 1;
    auto const table = initialised(config, self, 3);
    auto const values = [&](int expert) {
        auto const name = "layers.0.experts." + std::to_string(expert) + ".gate_up.weight";
        auto const span = table.values<float>(table.index_of(name)).span();
        return std::vector<float>(span.begin(), span.end());
    };
    EXPECT_EQ(values(1), values(0));
    EXPECT_EQ(values(3), values(0));
    EXPECT_NE(values(2), values(0));
}

}  // namespace
}  // namespace isogloss
