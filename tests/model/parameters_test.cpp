// model/parameters_test.cpp - the table: names, sizes, who holds what, one memory a group.
#include "model/parameters.h"

#include <gtest/gtest.h>

#include <set>

#include "base/error.h"
#include "comm/collective.h"
#include "support/all_ranks.h"
#include "support/small_model.h"

namespace isogloss {
namespace {

TEST(ParameterSpecsTest, NamesAndShapesAreThoseOfTheFormat) {
    auto config = test::small_config({1, 2}, DType::bf16);
    config.num_kv_heads = 2;
    config.qkv_bias = true;
    auto const specs = parameter_specs(config);
    std::vector<std::pair<std::string, std::vector<std::int64_t>>> const expected{
        {"embedding.weight", {19, 12}},
        {"layers.0.attention_norm.weight", {12}},
        {"layers.0.attention.qkv.weight", {32, 12}},
        {"layers.0.attention.qkv.bias", {32}},
        {"layers.0.attention.output.weight", {12, 16}},
        {"layers.0.ffn_norm.weight", {12}},
        {"layers.0.experts.0.gate_up.weight", {18, 12}},
        {"layers.0.experts.0.down.weight", {12, 9}},
        {"layers.1.attention_norm.weight", {12}},
        {"layers.1.attention.qkv.weight", {32, 12}},
        {"layers.1.attention.qkv.bias", {32}},
        {"layers.1.attention.output.weight", {12, 16}},
        {"layers.1.ffn_norm.weight", {12}},
        {"layers.1.router.weight", {2, 12}},
        {"layers.1.experts.0.gate_up.weight", {18, 12}},
        {"layers.1.experts.0.down.weight", {12, 9}},
        {"layers.1.experts.1.gate_up.weight", {18, 12}},
        {"layers.1.experts.1.down.weight", {12, 9}},
        {"final_norm.weight", {12}},
        {"head.weight", {19, 12}},
    };
    ASSERT_EQ(specs.size(), expected.size());
    for (std::size_t i = 0; i < specs.size(); ++i) {
        EXPECT_EQ(specs[i].name, expected[i].first);
        EXPECT_EQ(specs[i].shape, expected[i].second) << specs[i].name;
        bool const is_router = specs[i].name.find("router") != std::string::npos;
        EXPECT_EQ(specs[i].dtype, is_router ? DType::f32 : DType::bf16) << specs[i].name;
        EXPECT_EQ(specs[i].decays, expected[i].second.size() == 2) << specs[i].name;
    }
}

TEST(ParameterSpecsTest, ASharedExpertIsAPartOfTheBackbone) {
    auto config = test::small_qwen2_moe({1, 2}, DType::bf16);
    config.routers_trainable = false;
    config.layers[1].experts[0].trainable = false;
    std::vector<std::pair<std::string, std::vector<std::int64_t>>> const expected{
        {"layers.1.shared_expert.gate_up.weight", {14, 12}},
        {"layers.1.shared_expert.down.weight", {12, 7}},
        {"layers.1.shared_expert.gate.weight", {1, 12}},
    };
    std::size_t found = 0;
    for (auto const& spec : parameter_specs(config)) {
        if (spec.name.find("shared_expert") == std::string::npos) {
            continue;
        }
        ASSERT_LT(found, expected.size()) << spec.name;
        EXPECT_EQ(spec.name, expected[found].first);
        EXPECT_EQ(spec.shape, expected[found].second);
        EXPECT_EQ(spec.part, Part::backbone);
        EXPECT_EQ(spec.layer, 1);
        EXPECT_EQ(spec.dtype, DType::bf16);
        EXPECT_TRUE(spec.decays);
        EXPECT_TRUE(spec.trainable);
        ++found;
    }
    EXPECT_EQ(found, expected.size());
    config.backbone_trainable = false;
    config.routers_trainable = true;
    for (auto const& spec : parameter_specs(config)) {
        EXPECT_FALSE(spec.trainable && spec.name.find("shared_expert") != std::string::npos);
    }
}

TEST(ParameterSpecsTest, ATiedModelHasNoHead) {
    auto config = test::small_config({1}, DType::f32);
    config.tied_embeddings = true;
    for (auto const& spec : parameter_specs(config)) {
        EXPECT_NE(spec.name, "head.weight");
    }
}

TEST(ParameterSpecsTest, TrainableComesFromThePartAndTheExpert) {
    auto config = test::small_config({2}, DType::f32);
    config.backbone_trainable = false;
    config.routers_trainable = true;
    config.layers[0].experts[0].trainable = false;
    std::set<std::string> trainable;
    for (auto const& spec : parameter_specs(config)) {
        if (spec.trainable) {
            trainable.insert(spec.name);
        }
    }
    EXPECT_EQ(
        trainable, (std::set<std::string>{
                       "layers.0.router.weight", "layers.0.experts.1.gate_up.weight",
                       "layers.0.experts.1.down.weight"})
    );
}

TEST(ParameterTableTest, EachParameterIsHeldWhereThePlacementSays) {
    auto const group = test::all_ranks();
    auto const config = test::small_config({1, 2, 5}, DType::f32);
    auto const placement = test::uneven_placement(config, group.size());
    ParameterTable const table(config, placement, group, Device::cpu);
    for (std::size_t i = 0; i < table.specs().size(); ++i) {
        auto const& spec = table.specs()[i];
        auto const holders = table.holders(i);
        bool const should_hold =
            spec.part != Part::expert ||
            placement.layers[static_cast<std::size_t>(spec.layer)].holds(spec.expert, group.rank());
        EXPECT_EQ(table.is_held(i), should_hold) << spec.name;
        EXPECT_EQ(std::ranges::count(holders, group.rank()), should_hold ? 1 : 0) << spec.name;
        EXPECT_EQ(
            sum_over(std::int64_t{table.is_held(i) ? 1 : 0}, group),
            static_cast<std::int64_t>(holders.size())
        ) << spec.name;
    }
}

TEST(ParameterTableTest, GroupsShareRanksTypeAndTrainability) {
    auto const group = test::all_ranks();
    auto config = test::small_config({1, 2, 5}, DType::bf16);
    config.layers[2].experts[0].trainable = false;
    ParameterTable table(config, test::uneven_placement(config, group.size()), group, Device::cpu);
    std::set<std::size_t> seen;
    for (auto const& its : table.groups()) {
        EXPECT_EQ(its.comm.size(), static_cast<int>(its.ranks.size()));
        EXPECT_EQ(its.ranks[static_cast<std::size_t>(its.comm.rank())], group.rank());
        EXPECT_EQ(its.gradients.size(), its.trainable ? its.size : 0);
        for (std::size_t m = 0; m < its.members.size(); ++m) {
            auto const& spec = table.specs()[its.members[m]];
            EXPECT_TRUE(seen.insert(its.members[m]).second) << spec.name << " is in two groups";
            EXPECT_EQ(spec.dtype, its.dtype) << spec.name;
            EXPECT_EQ(spec.trainable, its.trainable) << spec.name;
            EXPECT_EQ(its.offsets[m] * bytes_of(its.dtype) % 64, 0) << spec.name;
            EXPECT_LE(its.offsets[m] + spec.size(), its.size) << spec.name;
        }
    }
    for (std::size_t i = 0; i < table.specs().size(); ++i) {
        EXPECT_EQ(seen.count(i), table.is_held(i) ? 1U : 0U) << table.specs()[i].name;
    }
}

TEST(ParameterTableTest, ViewsOfParametersDoNotOverlap) {
    auto const group = test::all_ranks();
    auto const config = test::small_config({1, 2}, DType::f32);
    ParameterTable table(config, test::uneven_placement(config, group.size()), group, Device::cpu);
    for (std::size_t i = 0; i < table.specs().size(); ++i) {
        if (table.is_held(i)) {
            std::ranges::fill(table.values<float>(i).span(), static_cast<float>(i));
            std::ranges::fill(table.gradient(i).span(), static_cast<float>(i) + 0.5F);
        }
    }
    int checked = 0;
    for (std::size_t i = 0; i < table.specs().size(); ++i) {
        if (!table.is_held(i)) {
            continue;
        }
        ++checked;
        for (auto const value : table.values<float>(i).span()) {
            ASSERT_EQ(value, static_cast<float>(i)) << table.specs()[i].name;
        }
        for (auto const value : table.gradient_matrix(i).span()) {
            ASSERT_EQ(value, static_cast<float>(i) + 0.5F) << table.specs()[i].name;
        }
    }
    EXPECT_GT(checked, 10);
    table.restart_gradients();
    table.settle_gradients();
    for (auto const& its : table.groups()) {
        for (auto const value : its.gradients.view().span()) {
            ASSERT_EQ(value, 0.0F);
        }
    }
}

TEST(ParameterTableTest, ABlockBeginsAfterItsValuesCameAndWithZerosWhereNoProductComesFirst) {
    auto const group = test::all_ranks();
    auto const config = test::small_config({1, 2, 3}, DType::f32);
    ParameterTable table(config, test::uneven_placement(config, group.size()), group, Device::cpu);
    for (auto& its : table.groups()) {
        std::ranges::fill(its.gradients.view().span(), 5.0F);
    }
    std::vector<std::int32_t> awaited;
    table.set_awaiting([&](std::int32_t block) { awaited.push_back(block); });
    table.restart_gradients();
    for (std::int32_t block = 0; block <= 3; ++block) {
        table.begin_block(block);
        for (std::size_t i = 0; i < table.specs().size(); ++i) {
            if (!table.is_held(i)) {
                continue;
            }
            auto const& spec = table.specs()[i];
            // Embedding with block 0, final norm and head after block 2.
            bool const is_outside = spec.layer < 0;
            bool const is_last = is_outside && spec.name != "embedding.weight";
            auto const its_block = is_last ? 3 : is_outside ? 0 : spec.layer;
            bool const is_zero = its_block <= block && !spec.begins_by_product;
            for (auto const value : table.gradient(i).span()) {
                ASSERT_EQ(value, is_zero ? 0.0F : 5.0F) << spec.name << ", block " << block;
            }
        }
    }
    (void)table.values<float>(table.index_of("layers.0.attention.qkv.weight"));
    EXPECT_EQ(awaited, (std::vector<std::int32_t>{0, 1, 2, 3, 3}));
}

TEST(ParameterTableTest, FrozenParametersHaveNoGradient) {
    auto const group = test::all_ranks();
    auto config = test::small_config({1}, DType::f32);
    config.backbone_trainable = false;
    ParameterTable const table(
        config, test::uneven_placement(config, group.size()), group, Device::cpu
    );
    EXPECT_EQ(table.gradient(table.index_of("embedding.weight")).data, nullptr);
    EXPECT_NE(table.gradient(table.index_of("layers.0.experts.0.down.weight")).data, nullptr);
}

TEST(ParameterTableTest, WrongNamesAndTypesAreErrors) {
    auto const group = test::all_ranks();
    auto const config = test::small_config({1}, DType::f32);
    ParameterTable const table(
        config, test::uneven_placement(config, group.size()), group, Device::cpu
    );
    EXPECT_THROW((void)table.index_of("layers.9.down"), Error);
    EXPECT_THROW((void)table.values<bf16>(0), Error);
}

}  // namespace
}  // namespace isogloss
