// checkpoint/diff_test.cpp
#include "checkpoint/diff.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "support/checkpoint_fixture.h"

namespace isogloss {
namespace {

Difference difference_of(CheckpointDiff const& diff, std::string const& name) {
    auto const found = std::ranges::find(diff.tensors, name, &TensorDifference::name);
    EXPECT_NE(found, diff.tensors.end()) << name;
    return found->difference;
}

TEST(DiffTest, ACheckpointEqualsItself) {
    auto const manifest = test::paper_manifest(test::small_config());
    auto const diff = diff_checkpoints(manifest, manifest);
    EXPECT_EQ(diff.tensors.size(), manifest.tensors.size());
    EXPECT_EQ(diff.old_experts, 6);
    EXPECT_EQ(diff.old_experts_kept, 6);
    EXPECT_EQ(diff.new_experts, 0);
    EXPECT_EQ(diff.experts.equal, 12);
    EXPECT_EQ(diff.routers.equal, 2);
    EXPECT_EQ(diff.backbone.different + diff.routers.different + diff.experts.different, 0);
}

TEST(DiffTest, AnExpertIsKeptOnlyWhenAllItsTensorsAre) {
    auto const a = test::paper_manifest(test::small_config());
    auto b = a;
    for (auto& tensor : b.tensors) {
        if (tensor.name == "layers.1.experts.2.down.weight" || tensor.name == "embedding.weight") {
            tensor.sha256 = test::hash_of("changed");
        }
    }
    auto const diff = diff_checkpoints(a, b);
    EXPECT_EQ(diff.old_experts_kept, 5);
    EXPECT_EQ(diff.experts.different, 1);
    EXPECT_EQ(diff.experts.equal, 11);
    EXPECT_EQ(diff.backbone.different, 1);
    EXPECT_EQ(difference_of(diff, "layers.1.experts.2.down.weight"), Difference::different);
    EXPECT_EQ(difference_of(diff, "layers.1.experts.2.gate_up.weight"), Difference::equal);
}

TEST(DiffTest, GrowthShowsAsNewExpertsAndChangedRouters) {
    auto const a = test::paper_manifest(test::small_config());
    auto config = a.config;
    config.layers[0].experts.resize(2);  // dense until now: its router is new
    config.layers[2].experts.resize(4);
    auto const b = test::paper_manifest(config);
    auto const diff = diff_checkpoints(a, b);
    EXPECT_EQ(diff.old_experts_kept, 6);
    EXPECT_EQ(diff.new_experts, 3);
    EXPECT_EQ(diff.experts.only_in_b, 6);
    EXPECT_EQ(diff.routers.only_in_b, 1);
    EXPECT_EQ(diff.routers.different, 1);  // another shape, whatever the hash
    EXPECT_EQ(difference_of(diff, "layers.0.router.weight"), Difference::only_in_b);

    auto const back = diff_checkpoints(b, a);
    EXPECT_EQ(back.old_experts, 9);
    EXPECT_EQ(back.old_experts_kept, 6);
    EXPECT_EQ(back.experts.only_in_a, 6);
}

}  // namespace
}  // namespace isogloss
