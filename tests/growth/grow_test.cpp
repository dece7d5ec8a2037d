// growth/grow_test.cpp
#include "growth/grow.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <map>

#include "checkpoint/create.h"
#include "checkpoint/diff.h"
#include "checkpoint/load.h"
#include "checkpoint/partial_checkpoint.h"
#include "checkpoint/shard_file.h"
#include "checkpoint/verify.h"
#include "corpus/batch.h"
#include "model/language_model.h"
#include "support/checkpoint_fixture.h"
#include "support/expect_error.h"

namespace isogloss {
namespace {

using test::expect_error;
using test::SharedFolder;

// Two experts for the dense layer, one for the second, copied from its expert 2; none for the last.
ExpansionPlan expansion_plan() {
    ExpansionPlan plan;
    plan.layers = {{0, 2, 0}, {1, 1, 2}};
    plan.languages = {"el", "hu"};
    plan.seed = 11;
    return plan;
}

std::vector<float> floats_of(StoredCheckpoint const& checkpoint, std::string const& name) {
    auto const* tensor = checkpoint.manifest.tensor(name);
    EXPECT_NE(tensor, nullptr) << name;
    auto const bytes = read_tensor(checkpoint, *tensor, HashCheck::compare);
    std::vector<float> values(bytes.size() / sizeof(float));
    std::memcpy(values.data(), bytes.data(), bytes.size());
    return values;
}

std::map<std::string, std::string> file_hashes(std::filesystem::path const& folder) {
    std::map<std::string, std::string> hashes;
    for (auto const& entry : std::filesystem::directory_iterator(folder)) {
        hashes[entry.path().filename().string()] = sha256_file(entry.path());
    }
    hashes.erase("manifest.json");
    return hashes;
}

class GrowTest : public testing::Test {
protected:
    GrowTest() : world_(MpiComm::split(MPI_COMM_WORLD, 0, 0)) {
        auto const config = test::small_config();
        test::save_origin(
            folder_ / "old", config, test::round_robin(config, world_.size()), world_
        );
        old_ = read_checkpoint(folder_ / "old");
        barrier(world_);  // all have read it: a test may damage it
    }

    /// One process grows, as a user does; all look at the result.
    GrowthReport grow_once(ExpansionPlan const& plan, std::string const& to) {
        GrowthReport report;
        if (world_.rank() == 0) {
            report = grow(folder_ / "old", plan, folder_ / to);
        }
        barrier(world_);
        report.checkpoint = read_checkpoint(folder_ / to);
        return report;
    }

    MpiComm world_;
    SharedFolder folder_;
    StoredCheckpoint old_;
};

TEST_F(GrowTest, OldFilesAreTheSameFilesAndOldTensorsKeepTheirHashes) {
    auto const before = file_hashes(folder_ / "old");
    barrier(world_);
    auto const grown = grow_once(expansion_plan(), "new").checkpoint;
    EXPECT_TRUE(file_hashes(folder_ / "old") == before);
    auto const after = file_hashes(folder_ / "new");
    for (auto const& [file, hash] : before) {
        if (file != "routers.h5") {
            EXPECT_EQ(after.at(file), hash) << file;
            EXPECT_TRUE(
                std::filesystem::equivalent(folder_ / ("old/" + file), folder_ / ("new/" + file))
            ) << file;
        }
    }
    auto const diff = diff_checkpoints(old_.manifest, grown.manifest);
    EXPECT_EQ(diff.old_experts, 6);
    EXPECT_EQ(diff.old_experts_kept, 6);
    EXPECT_EQ(diff.new_experts, 3);
    EXPECT_EQ(diff.backbone.different, 0);
    EXPECT_TRUE(verify_checkpoint(grown, {}).problems.empty());
}

TEST_F(GrowTest, WritesNewExpertsAndRoutersAndNoMore) {
    auto const report = grow_once(expansion_plan(), "new");
    std::int64_t expected = 0;
    for (auto const* file : {"L00-E001.h5", "L00-E002.h5", "L01-E003.h5", "routers.h5"}) {
        expected += static_cast<std::int64_t>(
            std::filesystem::file_size(folder_ / (std::string("new/") + file))
        );
    }
    EXPECT_EQ(report.checkpoint.manifest.bytes_written, expected);
    EXPECT_EQ(report.checkpoint.manifest.shards.size(), 8U + 3U);
    // Three experts of 3 F D floats, and rows of D floats for 3, 4 and 2 experts.
    auto const tensors = 4 * (3 * 3 * 7 * 12 + (3 + 4 + 2) * 12);
    EXPECT_EQ(growth_bytes(old_.manifest.config, expansion_plan()), tensors);
    EXPECT_GT(expected, tensors);
    EXPECT_LT(expected, tensors + 4 * 16384);  // headers of four files
    if (world_.rank() == 0) {
        EXPECT_EQ(report.bytes_written, expected);
        EXPECT_EQ(report.new_experts, 3);
        EXPECT_TRUE(report.warnings.empty());
    }
}

TEST_F(GrowTest, NewExpertsAreCopiesOfTheirSource) {
    auto const grown = grow_once(expansion_plan(), "new").checkpoint;
    for (auto const* part : {"gate_up.weight", "down.weight"}) {
        auto const tensor = std::string(part);
        EXPECT_EQ(
            floats_of(grown, "layers.1.experts.3." + tensor),
            floats_of(old_, "layers.1.experts.2." + tensor)
        );
        for (auto const* expert : {"1.", "2."}) {
            EXPECT_EQ(
                floats_of(grown, std::string("layers.0.experts.") + expert + tensor),
                floats_of(old_, "layers.0.experts.0." + tensor)
            );
        }
    }
}

TEST_F(GrowTest, OnlyNewExpertsAndRoutersTrain) {
    auto const config = grow_once(expansion_plan(), "new").checkpoint.manifest.config;
    EXPECT_EQ(config.experts_per_layer(), (std::vector<std::int32_t>{3, 4, 2}));
    EXPECT_EQ(config.layers[1].experts[3], (ExpertConfig{1, 2, "el,hu", true}));
    for (auto const& spec : parameter_specs(config)) {
        auto const is_new = spec.part == Part::router ||
                            (spec.part == Part::expert &&
                             spec.expert >= (spec.layer == 0 ? 1 : 3) && spec.layer < 2);
        EXPECT_EQ(spec.trainable, is_new) << spec.name;
    }
}

TEST_F(GrowTest, KeptRouterRowsKeepTheirBits) {
    auto const grown = grow_once(expansion_plan(), "new").checkpoint;
    auto const old_rows = floats_of(old_, "layers.1.router.weight");
    auto rows = floats_of(grown, "layers.1.router.weight");
    ASSERT_EQ(rows.size(), 4U * 12U);
    rows.resize(old_rows.size());
    EXPECT_EQ(rows, old_rows);
    EXPECT_EQ(
        floats_of(grown, "layers.2.router.weight"), floats_of(old_, "layers.2.router.weight")
    );
}

TEST_F(GrowTest, FreshRoutersAreDrawnAnewWhereALayerGrows) {
    auto plan = expansion_plan();
    plan.router = RouterGrowth::fresh;
    auto const grown = grow_once(plan, "new").checkpoint;
    auto const old_rows = floats_of(old_, "layers.1.router.weight");
    auto const rows = floats_of(grown, "layers.1.router.weight");
    for (std::size_t i = 0; i < old_rows.size(); ++i) {
        EXPECT_NE(rows[i], old_rows[i]) << i;
    }
    EXPECT_EQ(
        floats_of(grown, "layers.2.router.weight"), floats_of(old_, "layers.2.router.weight")
    );
}

TEST_F(GrowTest, CopiedRowsAreThoseOfTheirSources) {
    ExpansionPlan plan;
    plan.layers = {{1, 2, 2}, {2, 1, 0}};
    plan.router = RouterGrowth::copy_row;
    auto const grown = grow_once(plan, "new").checkpoint;
    auto const expect_rows = [&](int layer, std::vector<std::size_t> const& sources) {
        auto const name = "layers." + std::to_string(layer) + ".router.weight";
        auto const old_rows = floats_of(old_, name);
        auto const rows = floats_of(grown, name);
        ASSERT_EQ(rows.size(), sources.size() * 12U);
        for (std::size_t e = 0; e < sources.size(); ++e) {
            for (std::size_t d = 0; d < 12; ++d) {
                EXPECT_EQ(rows[e * 12 + d], old_rows[sources[e] * 12 + d]) << e << " " << d;
            }
        }
    };
    expect_rows(1, {0, 1, 2, 2, 2});
    expect_rows(2, {0, 1, 0});
}

TEST_F(GrowTest, ALanguageThatTheModelHasIsRefused) {
    grow_once(expansion_plan(), "new");
    auto plan = expansion_plan();
    plan.languages = {"bn", "hu"};
    expect_error(Exit::usage, "language hu: the model has it already (in an expert's group)", [&] {
        grow(folder_ / "new", plan, folder_ / "newer");
    });
    CheckpointInfo info;
    info.languages = {"en", "zh"};
    EXPECT_EQ(known_languages({"zh", "bn"}, info, test::small_config()).size(), 1U);
    EXPECT_TRUE(known_languages({"bn"}, info, test::small_config()).empty());
    EXPECT_FALSE(std::filesystem::exists(folder_ / "newer"));
}

// 200 experts of width 12: 2400 normal numbers of deviation s = sqrt(2 / 212). Their mean lies
// within 5 s / sqrt(2400) of 0, and their deviation within 5 s / sqrt(2 * 2400) of s, but once in a
// million draws; the seed is fixed.
TEST_F(GrowTest, FreshRoutersHaveTheXavierDeviation) {
    ExpansionPlan plan;
    plan.layers = {{0, 199, 0}};
    auto const rows = floats_of(grow_once(plan, "new").checkpoint, "layers.0.router.weight");
    auto const deviation = std::sqrt(2.0 / 212.0);
    double sum = 0.0;
    double squares = 0.0;
    for (auto const x : rows) {
        sum += static_cast<double>(x);
        squares += static_cast<double>(x) * static_cast<double>(x);
    }
    auto const count = static_cast<double>(rows.size());
    EXPECT_EQ(rows.size(), 2400U);
    EXPECT_NEAR(sum / count, 0.0, 5.0 * deviation / std::sqrt(count));
    EXPECT_NEAR(std::sqrt(squares / count), deviation, 5.0 * deviation / std::sqrt(2.0 * count));
}

TEST_F(GrowTest, TheRanksThatSavedDoNotShow) {
    auto const config = test::small_config();
    auto const alone = MpiComm::split(MPI_COMM_WORLD, world_.rank(), 0);
    if (world_.rank() == 0) {
        test::save_origin(folder_ / "alone", config, test::round_robin(config, 1), alone);
        grow(folder_ / "alone", expansion_plan(), folder_ / "grown-alone");
    }
    grow_once(expansion_plan(), "new");
    EXPECT_TRUE(file_hashes(folder_ / "new") == file_hashes(folder_ / "grown-alone"));
}

TEST_F(GrowTest, GrowsAgainAndNamesItsParent) {
    auto const first = grow_once(expansion_plan(), "new").checkpoint;
    if (world_.rank() == 0) {
        auto plan = expansion_plan();
        plan.layers = {{0, 1, 1}};
        plan.languages = {"bn"};
        grow(folder_ / "new", plan, folder_ / "newer");
    }
    barrier(world_);
    auto const second = read_checkpoint(folder_ / "newer");
    EXPECT_EQ(second.manifest.info.parent->manifest_sha256, first.manifest_sha256);
    EXPECT_EQ(second.manifest.config.layers[0].experts[3].generation, 2);
    EXPECT_EQ(second.manifest.config.layers[0].experts[3].parent, 1);
    EXPECT_FALSE(second.manifest.config.layers[0].experts[1].trainable);
    EXPECT_FALSE(second.manifest.has_optimizer_state());
    auto const diff = diff_checkpoints(first.manifest, second.manifest);
    EXPECT_EQ(diff.old_experts_kept, 9);
    EXPECT_EQ(diff.new_experts, 1);
    EXPECT_TRUE(verify_checkpoint(second, {}).problems.empty());
}

// Noise of 0.01 root mean squares: 168 normal numbers, so their root mean square lies within
// 5 / sqrt(2 * 168) = 27 % of that but once in a million draws.
TEST_F(GrowTest, NoiseTellsCopiesApart) {
    auto plan = expansion_plan();
    plan.noise = 0.01F;
    auto const grown = grow_once(plan, "new").checkpoint;
    auto const source = floats_of(old_, "layers.0.experts.0.gate_up.weight");
    auto const one = floats_of(grown, "layers.0.experts.1.gate_up.weight");
    auto const two = floats_of(grown, "layers.0.experts.2.gate_up.weight");
    EXPECT_NE(one, two);
    double noise = 0.0;
    double size = 0.0;
    for (std::size_t i = 0; i < source.size(); ++i) {
        auto const difference = static_cast<double>(one[i]) - static_cast<double>(source[i]);
        noise += difference * difference;
        size += static_cast<double>(source[i]) * static_cast<double>(source[i]);
    }
    auto const count = static_cast<double>(source.size());
    EXPECT_NEAR(std::sqrt(noise / size), 0.01, 0.01 * 5.0 / std::sqrt(2.0 * count));
}

std::vector<double> row_losses(StoredCheckpoint const& checkpoint, MpiComm const& world) {
    auto const config = frozen(checkpoint.manifest.config);
    LanguageModel model(config, test::round_robin(config, world.size()), world, {});
    load_weights(checkpoint, model.parameters(), HashCheck::compare, world);
    constexpr std::int64_t kRows = 3;
    constexpr std::int64_t kLength = 16;
    auto batch = make_batch(kRows, kLength);
    for (std::int64_t r = 0; r < kRows; ++r) {
        std::vector<std::int32_t> stream;
        for (std::int64_t t = 0; t <= kLength; ++t) {
            stream.push_back(static_cast<std::int32_t>((r * 7 + t * t * 5 + world.rank()) % 37));
        }
        fill_row(batch, r, stream, 0, 0);
    }
    return model.evaluate(batch).row_loss;
}

// All experts of a layer that was dense are equal and the gates of a token sum to 1, so the grown
// model is the same function. A gate and its product are rounded, then the sum: at most 4 roundings
// of 2^-24 a layer, 12 for three layers; at weights of deviation 0.02 the layers above do not
// enlarge them. A loss of about log 37 nats a token then moves by less than 12 * 2^-24 of itself,
// and the sums of 16 tokens by no more; 2e-6 leaves room for three times that.
TEST_F(GrowTest, ADenseModelGrowsIntoTheSameFunction) {
    auto config = test::small_config();
    for (auto& layer : config.layers) {
        layer.experts.resize(1);
    }
    create_checkpoint(folder_ / "dense", {config, "bytes", test::hash_of("t"), -1, "", 3}, world_);
    if (world_.rank() == 0) {
        ExpansionPlan plan;
        plan.layers = {{0, 1, 0}, {1, 3, 0}, {2, 2, 0}};
        grow(folder_ / "dense", plan, folder_ / "mixture");
    }
    barrier(world_);
    auto const before = row_losses(read_checkpoint(folder_ / "dense"), world_);
    auto const after = row_losses(read_checkpoint(folder_ / "mixture"), world_);
    ASSERT_EQ(before.size(), 3U);
    for (std::size_t r = 0; r < before.size(); ++r) {
        EXPECT_GT(before[r], 16.0);  // a real loss, of about 16 log 37 = 58
        EXPECT_NEAR(after[r], before[r], 2e-6 * before[r]);
    }
}

// The shared expert of layer 1 stays what it is, and the dense layer that grows gets none.
TEST_F(GrowTest, SharedExpertsStayInTheLayersThatHaveThem) {
    auto config = test::small_config();
    config.layers[1].shared_hidden = 5;
    create_checkpoint(folder_ / "shared", {config, "bytes", test::hash_of("t"), -1, "", 3}, world_);
    if (world_.rank() == 0) {
        ExpansionPlan plan;
        plan.layers = {{0, 2, 0}};
        grow(folder_ / "shared", plan, folder_ / "mixture");
    }
    barrier(world_);
    auto const old = read_checkpoint(folder_ / "shared");
    auto const grown = read_checkpoint(folder_ / "mixture");
    EXPECT_EQ(grown.manifest.config.layers[0].shared_hidden, 0);
    EXPECT_EQ(grown.manifest.config.layers[1].shared_hidden, 5);
    auto const* name = "layers.1.shared_expert.down.weight";
    ASSERT_NE(old.manifest.tensor(name), nullptr);
    EXPECT_EQ(old.manifest.tensor(name)->sha256, grown.manifest.tensor(name)->sha256);
    auto const before = row_losses(old, world_);
    auto const after = row_losses(grown, world_);
    for (std::size_t r = 0; r < before.size(); ++r) {
        EXPECT_NEAR(after[r], before[r], 2e-6 * before[r]);
    }
}

TEST_F(GrowTest, GatesThatAreProbabilitiesLetOnlyRoutedLayersGrow) {
    auto config = test::small_config();
    config.gates = GateScale::probabilities;
    auto plan = expansion_plan();
    auto const faults = problems(plan, config);
    ASSERT_EQ(faults.size(), 1U);
    EXPECT_NE(faults[0].find("layer 0: has one expert, and with gates = prob"), std::string::npos);
    plan.layers = {{1, 1, 2}};
    EXPECT_TRUE(problems(plan, config).empty());
    EXPECT_EQ(grown_config(config, plan).gates, GateScale::probabilities);
}

TEST_F(GrowTest, ClassifiersComeGoAndKeepTheirWeights) {
    ExpansionPlan plan;
    plan.layers = {{0, 1, 0}};
    plan.classifiers = ClassifierPlan{.layers = {0, 2}, .span = ClassifierSpan::token};
    auto const first = grow_once(plan, "new").checkpoint;
    EXPECT_TRUE(first.manifest.config.layers[0].has_classifier());
    EXPECT_FALSE(first.manifest.config.layers[1].has_classifier());
    EXPECT_EQ(first.manifest.config.layers[2].classifier.span, ClassifierSpan::token);
    auto const old_rows = floats_of(first, "layers.2.classifier.weight");
    EXPECT_EQ(old_rows.size(), 24U);
    EXPECT_NE(old_rows, floats_of(first, "layers.0.classifier.weight"));

    // Only classifiers change: no new generation, and what trains stays.
    if (world_.rank() == 0) {
        ExpansionPlan next;
        next.classifiers = ClassifierPlan{.layers = {1, 2}};
        grow(folder_ / "new", next, folder_ / "kept");
        next.classifiers->old = ClassifierGrowth::fresh;
        next.seed = 12;
        grow(folder_ / "new", next, folder_ / "fresh");
        next.classifiers->layers = {};
        grow(folder_ / "new", next, folder_ / "none");
        expect_error(Exit::usage, "classifier of layer 0: the layer has one expert", [&] {
            ExpansionPlan bad;
            bad.classifiers = ClassifierPlan{.layers = {0}};
            grow(folder_ / "old", bad, folder_ / "bad");
        });
    }
    barrier(world_);
    auto const kept = read_checkpoint(folder_ / "kept");
    EXPECT_EQ(kept.manifest.config.newest_generation(), 1);
    EXPECT_TRUE(kept.manifest.config.layers[0].experts[1].trainable);
    EXPECT_FALSE(kept.manifest.config.layers[0].has_classifier());
    EXPECT_EQ(floats_of(kept, "layers.2.classifier.weight"), old_rows);
    EXPECT_EQ(
        floats_of(kept, "layers.0.router.weight"), floats_of(first, "layers.0.router.weight")
    );
    EXPECT_NE(
        floats_of(read_checkpoint(folder_ / "fresh"), "layers.2.classifier.weight"), old_rows
    );
    auto const none = read_checkpoint(folder_ / "none");
    EXPECT_EQ(none.manifest.tensor("layers.2.classifier.weight"), nullptr);
    EXPECT_TRUE(verify_checkpoint(none, {}).problems.empty());
}

TEST_F(GrowTest, RefusesWhatExistsAndWhatCannotBe) {
    expect_error(Exit::usage, "exists already", [&] {
        grow(folder_ / "old", expansion_plan(), folder_ / "old");
    });
    auto const refused = [&](std::vector<ExpansionPlan::Layer> const& layers, char const* part) {
        auto plan = expansion_plan();
        plan.layers = layers;
        expect_error(Exit::usage, part, [&] { grow(folder_ / "old", plan, folder_ / "new"); });
    };
    refused({{3, 1, 0}}, "layer 3: the model has layers 0 to 2");
    refused({{-1, 1, 0}}, "layer -1: the model has layers 0 to 2");
    refused({{1, 1, 3}}, "layer 1: source expert 3: the layer has experts 0 to 2");
    refused({{1, -1, 0}}, "layer 1: -1 new experts");
    refused({{1, 1, 0}, {1, 1, 0}}, "layer 1: is given twice");
    refused({{1, 0, 0}}, "no layer gets a new expert");
    refused({}, "no layer gets a new expert");
    auto plan = expansion_plan();
    plan.router = RouterGrowth::copy_row;
    expect_error(Exit::usage, "layer 0: has one expert and no router whose row", [&] {
        grow(folder_ / "old", plan, folder_ / "new");
    });
    EXPECT_FALSE(std::filesystem::exists(folder_ / "new"));
    EXPECT_FALSE(std::filesystem::exists(partial_folder(folder_ / "new")));
}

TEST_F(GrowTest, ADamagedSourceLeavesNothing) {
    if (world_.rank() == 0) {
        auto const path = folder_ / "old/L01-E002.h5";
        auto bytes = test::content_of(path);
        auto const first = test::origin_value("layers.1.experts.2.down.weight", 0);
        auto const second = test::origin_value("layers.1.experts.2.down.weight", 1);
        std::vector<float> const start{first, second};
        auto const found =
            bytes.find(std::string(reinterpret_cast<char const*>(start.data()), 2 * sizeof(float)));
        ASSERT_NE(found, std::string::npos);
        bytes[found] = static_cast<char>(bytes[found] ^ 4);
        test::write_content(path, bytes);
        expect_error(Exit::data, "the bytes of layers.1.experts.2.down.weight", [&] {
            grow(folder_ / "old", expansion_plan(), folder_ / "new");
        });
        EXPECT_FALSE(std::filesystem::exists(folder_ / "new"));
        EXPECT_FALSE(std::filesystem::exists(partial_folder(folder_ / "new")));
    }
}

}  // namespace
}  // namespace isogloss
