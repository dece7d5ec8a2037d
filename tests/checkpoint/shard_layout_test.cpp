// checkpoint/shard_layout_test.cpp
#include "checkpoint/shard_layout.h"

#include <gtest/gtest.h>

#include <algorithm>

#include <numeric>
#include <set>

#include "support/checkpoint_fixture.h"

namespace isogloss {
namespace {

std::vector<std::string> files_of(std::vector<ShardPlan> const& shards) {
    std::vector<std::string> files;
    for (auto const& shard : shards) {
        files.push_back(shard.file);
    }
    return files;
}

TEST(ShardLayoutTest, EveryExpertHasItsOwnFile) {
    auto const shards = weight_shards(parameter_specs(test::small_config()));
    EXPECT_EQ(
        files_of(shards), (std::vector<std::string>{
                              "backbone-00000.h5", "routers.h5", "L00-E000.h5", "L01-E000.h5",
                              "L01-E001.h5", "L01-E002.h5", "L02-E000.h5", "L02-E001.h5"})
    );
}

TEST(ShardLayoutTest, EveryParameterIsInOneFile) {
    auto const specs = parameter_specs(test::small_config());
    std::multiset<std::size_t> members;
    for (auto const& shard : weight_shards(specs, 1000)) {
        members.insert(shard.members.begin(), shard.members.end());
    }
    ASSERT_EQ(members.size(), specs.size());
    EXPECT_EQ(std::set<std::size_t>(members.begin(), members.end()).size(), specs.size());
}

TEST(ShardLayoutTest, BackboneFilesStayBelowTheLimitUnlessOneTensorIsLarger) {
    constexpr std::int64_t kLimit = 1000;
    auto const specs = parameter_specs(test::small_config());
    int backbone_files = 0;
    for (auto const& shard : weight_shards(specs, kLimit)) {
        if (!shard.file.starts_with("backbone-")) {
            continue;
        }
        ++backbone_files;
        std::int64_t bytes = 0;
        for (auto const member : shard.members) {
            bytes += specs[member].size() * 4;
        }
        EXPECT_TRUE(bytes <= kLimit || shard.members.size() == 1) << shard.file;
    }
    EXPECT_GT(backbone_files, 2);
}

TEST(ShardLayoutTest, AModelWithoutRoutersHasNoRouterFile) {
    auto config = test::small_config();
    for (auto& layer : config.layers) {
        layer.experts.resize(1);
    }
    for (auto const& file : files_of(weight_shards(parameter_specs(config)))) {
        EXPECT_NE(file, "routers.h5");
    }
}

TEST(ShardLayoutTest, GrowthLeavesTheOtherFilesAsTheyWere) {
    auto const old_config = test::small_config();
    auto config = old_config;
    config.layers[2].experts.resize(4);
    auto const old_specs = parameter_specs(old_config);
    auto const specs = parameter_specs(config);
    std::map<std::string, std::vector<std::string>> names;
    for (auto const& shard : weight_shards(specs)) {
        for (auto const member : shard.members) {
            names[shard.file].push_back(specs[member].name);
        }
    }
    for (auto const& shard : weight_shards(old_specs)) {
        std::vector<std::string> old_names;
        for (auto const member : shard.members) {
            old_names.push_back(old_specs[member].name);
        }
        EXPECT_EQ(names[shard.file], old_names) << shard.file;
    }
    EXPECT_TRUE(names.contains("L02-E003.h5"));
}

TEST(ShardLayoutTest, StateCoversTrainableParametersOnly) {
    auto config = test::small_config();
    config.backbone_trainable = false;
    config.dtype = DType::bf16;
    auto const specs = parameter_specs(config);
    std::size_t stored = 0;
    for (auto const& shard : optimizer_shards(specs)) {
        for (auto const member : shard.members) {
            EXPECT_TRUE(specs[member].trainable) << specs[member].name;
            ++stored;
        }
    }
    EXPECT_EQ(stored, 2U + 6U * 2U);  // two routers; six experts of two tensors
    auto const down =
        std::ranges::find(specs, "layers.1.experts.2.down.weight", &ParameterSpec::name);
    EXPECT_EQ(state_kinds(*down), (std::vector<std::string_view>{"master", "m", "v"}));
    auto const router = std::ranges::find(specs, "layers.1.router.weight", &ParameterSpec::name);
    EXPECT_EQ(state_kinds(*router), (std::vector<std::string_view>{"m", "v"}));
    EXPECT_EQ(state_name(*router, "m"), "layers.1.router.weight/m");
}

}  // namespace
}  // namespace isogloss
