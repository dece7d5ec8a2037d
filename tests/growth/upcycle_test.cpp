// growth/upcycle_test.cpp
#include "growth/upcycle.h"

#include <gtest/gtest.h>

#include <cmath>
#include <cstring>

#include "checkpoint/create.h"
#include "checkpoint/diff.h"
#include "checkpoint/load.h"
#include "checkpoint/partial_checkpoint.h"
#include "checkpoint/shard_file.h"
#include "checkpoint/verify.h"
#include "model/language_model.h"
#include "support/checkpoint_fixture.h"
#include "support/expect_error.h"

namespace isogloss {
namespace {

using test::expect_error;
using test::SharedFolder;

ModelConfig dense_config() {
    auto config = test::small_config();
    for (auto& layer : config.layers) {
        layer.experts.resize(1);
    }
    return config;
}

UpcyclePlan upcycle_plan() {
    UpcyclePlan plan;
    plan.layers = {0, 2};
    plan.groups = {{"ru", "uk"}, {"ta", "te"}, {"fr"}};
    plan.seed = 5;
    return plan;
}

class UpcycleTest : public testing::Test {
protected:
    UpcycleTest() : world_(MpiComm::split(MPI_COMM_WORLD, 0, 0)) {
        create_checkpoint(
            folder_ / "dense", {dense_config(), "bytes", test::hash_of("t"), -1, "", 3}, world_
        );
        dense_ = read_checkpoint(folder_ / "dense");
        barrier(world_);
    }

    StoredCheckpoint upcycle_once(UpcyclePlan const& plan) {
        if (world_.rank() == 0) {
            upcycle(folder_ / "dense", plan, folder_ / "mixture", "[upcycle]\n");
        }
        barrier(world_);
        return read_checkpoint(folder_ / "mixture");
    }

    static std::vector<float> floats_of(
        StoredCheckpoint const& checkpoint, std::string const& name
    ) {
        auto const* tensor = checkpoint.manifest.tensor(name);
        EXPECT_NE(tensor, nullptr) << name;
        auto const bytes = read_tensor(checkpoint, *tensor, HashCheck::compare);
        std::vector<float> values(bytes.size() / sizeof(float));
        std::memcpy(values.data(), bytes.data(), bytes.size());
        return values;
    }

    MpiComm world_;
    SharedFolder folder_;
    StoredCheckpoint dense_;
};

TEST_F(UpcycleTest, ChosenLayersGetAnExpertAGroup) {
    auto const config = upcycle_once(upcycle_plan()).manifest.config;
    EXPECT_EQ(config.experts_per_layer(), (std::vector<std::int32_t>{3, 1, 3}));
    for (auto const layer : {0U, 2U}) {
        EXPECT_EQ(config.layers[layer].experts[0], (ExpertConfig{0, -1, "ru,uk", true}));
        EXPECT_EQ(config.layers[layer].experts[1], (ExpertConfig{0, 0, "ta,te", true}));
        EXPECT_EQ(config.layers[layer].experts[2], (ExpertConfig{0, 0, "fr", true}));
    }
    EXPECT_EQ(config.layers[1].experts[0].group, "");
    for (auto const& spec : parameter_specs(config)) {
        EXPECT_TRUE(spec.trainable) << spec.name;
    }
}

TEST_F(UpcycleTest, OnlyWhatWasAddedTrainsOnRequest) {
    auto plan = upcycle_plan();
    plan.training = UpcycleTraining::experts_and_routers;
    for (auto const& spec : parameter_specs(upcycled_config(dense_config(), plan))) {
        bool const added =
            spec.part == Part::router || (spec.part == Part::expert && spec.layer != 1);
        EXPECT_EQ(spec.trainable, added) << spec.name;
    }
}

TEST_F(UpcycleTest, EveryExpertIsTheDenseFeedForwardBitForBit) {
    auto const mixture = upcycle_once(upcycle_plan());
    for (auto const* layer : {"0", "2"}) {
        for (auto const* expert : {"0", "1", "2"}) {
            for (auto const* part : {"gate_up.weight", "down.weight"}) {
                auto const prefix = std::string("layers.") + layer + ".experts.";
                EXPECT_EQ(
                    floats_of(mixture, prefix + expert + "." + part),
                    floats_of(dense_, prefix + "0." + part)
                );
            }
        }
    }
    auto const diff = diff_checkpoints(dense_.manifest, mixture.manifest);
    EXPECT_EQ(diff.backbone.different, 0);
    EXPECT_EQ(diff.old_experts_kept, 3);
    EXPECT_EQ(diff.new_experts, 4);
    EXPECT_TRUE(verify_checkpoint(mixture, {}).problems.empty());
}

// Two new experts of 3 F D = 252 floats in each of two layers, two routers of [3, 12] floats; the
// other files are the dense checkpoint's own.
TEST_F(UpcycleTest, WritesNewExpertsAndRoutersAndLinksTheRest) {
    EXPECT_EQ(
        derived_bytes(dense_config(), upcycled_config(dense_config(), upcycle_plan())),
        4 * (2 * 2 * 252 + 2 * 36)
    );
    upcycle_once(upcycle_plan());
    for (auto const* file : {"backbone-00000.h5", "L00-E000.h5", "L01-E000.h5", "L02-E000.h5"}) {
        EXPECT_TRUE(std::filesystem::equivalent(
            folder_ / ("dense/" + std::string(file)), folder_ / ("mixture/" + std::string(file))
        )) << file;
    }
}

// 2 routers of 120 rows of 12: 2880 normal numbers of deviation 0.02. Their mean lies within
// 5 * 0.02 / sqrt(2880) of 0 and their deviation within 5 * 0.02 / sqrt(2 * 2880) of 0.02, but once
// in a million draws; the seed is fixed.
TEST_F(UpcycleTest, RoutersAreNormalWithDeviation002) {
    auto plan = upcycle_plan();
    plan.groups.clear();
    for (int g = 0; g < 120; ++g) {
        plan.groups.push_back(
            {std::string{"a"} + static_cast<char>('a' + g / 26) + static_cast<char>('a' + g % 26)}
        );
    }
    auto const mixture = upcycle_once(plan);
    auto rows = floats_of(mixture, "layers.0.router.weight");
    auto const others = floats_of(mixture, "layers.2.router.weight");
    EXPECT_NE(rows, others);
    rows.insert(rows.end(), others.begin(), others.end());
    ASSERT_EQ(rows.size(), 2880U);
    double sum = 0.0;
    double squares = 0.0;
    for (auto const x : rows) {
        sum += static_cast<double>(x);
        squares += static_cast<double>(x) * static_cast<double>(x);
    }
    EXPECT_NEAR(sum / 2880.0, 0.0, 5.0 * 0.02 / std::sqrt(2880.0));
    EXPECT_NEAR(std::sqrt(squares / 2880.0), 0.02, 5.0 * 0.02 / std::sqrt(2.0 * 2880.0));
}

TEST_F(UpcycleTest, AllFaultsAreListedAtOnce) {
    auto config = dense_config();
    config.layers[1].experts.resize(4);
    UpcyclePlan plan;
    plan.layers = {1, 7};
    plan.groups = {{"ru", "uk"}, {}, {"uk", "!"}};
    plan.router_deviation = 0.0;
    plan.top_k = 0;
    auto const faults = problems(plan, config);
    EXPECT_EQ(
        faults,
        (std::vector<std::string>{
            "layer 1: is not dense, it has 4 experts; `expand apply` adds experts to it",
            "layer 7: the model has layers 0 to 2", "group 1: has no language",
            "language uk: is in group 0 and in group 2; each has one expert",
            "group 2: \"!\" is no language tag",
            "router-deviation = 0: must be a finite number > 0; with equal rows all experts would "
            "stay equal",
            "top-k = 0: must be at least 1"})
    );
    EXPECT_EQ(problems(UpcyclePlan{}, config).size(), 2U);  // no layer, no group
    expect_error(Exit::usage, "layer 7: the model has layers 0 to 2", [&] {
        auto bad = upcycle_plan();
        bad.layers = {7};
        upcycle(folder_ / "dense", bad, folder_ / "no");
    });
    EXPECT_FALSE(std::filesystem::exists(folder_ / "no"));
}

TEST_F(UpcycleTest, CopiesWhoseGatesDoNotAddUpToOneAreRefused) {
    auto config = dense_config();
    config.gates = GateScale::probabilities;
    auto const faults = problems(upcycle_plan(), config);
    ASSERT_EQ(faults.size(), 2U);
    EXPECT_NE(faults[1].find("layer 2: has one expert, and with gates = prob"), std::string::npos);
}

TEST_F(UpcycleTest, RoutersOfOtherLayersKeepTheirBits) {
    auto plan = upcycle_plan();
    plan.layers = {0};
    auto const first = upcycle_once(plan);
    if (world_.rank() == 0) {
        plan.layers = {2};
        plan.seed = 77;
        upcycle(folder_ / "mixture", plan, folder_ / "more");
    }
    barrier(world_);
    EXPECT_EQ(
        floats_of(read_checkpoint(folder_ / "more"), "layers.0.router.weight"),
        floats_of(first, "layers.0.router.weight")
    );
}

}  // namespace
}  // namespace isogloss
