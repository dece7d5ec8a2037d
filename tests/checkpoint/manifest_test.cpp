// checkpoint/manifest_test.cpp
#include "checkpoint/manifest.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <functional>

#include "base/json.h"
#include "support/checkpoint_fixture.h"
#include "support/expect_error.h"

namespace isogloss {
namespace {

using test::expect_error;
using test::TemporaryFolder;

Manifest sample() {
    auto config = test::small_config();
    config.layers[1].experts[2] = {2, 1, "el,hu,tr", false};
    config.dtype = DType::bf16;
    config.rope_theta = 1234.567F;
    config.norm_epsilon = 1e-6F;
    return test::paper_manifest(config);
}

// The manifest after `change` of its JSON must be refused with `part` in the text.
void expect_manifest_refused(std::string const& part, std::function<void(Json&)> const& change) {
    auto value = Json::parse(manifest_text(sample()));
    change(value);
    expect_error(Exit::data, part, [&] { parse_manifest(value.dump(), "manifest.json"); });
}

TEST(ManifestTest, ReadsBackWhatWasWritten) {
    auto const manifest = sample();
    EXPECT_TRUE(parse_manifest(manifest_text(manifest), "manifest.json") == manifest);
}

TEST(ManifestTest, TheSeparatorIsKeptAndMayBeAbsent) {
    auto manifest = sample();
    manifest.info.separator = 0;
    EXPECT_EQ(parse_manifest(manifest_text(manifest), "manifest.json").info.separator, 0);
    manifest.info.separator = -1;
    auto const text = manifest_text(manifest);
    EXPECT_EQ(text.find("separator"), std::string::npos);
    EXPECT_TRUE(parse_manifest(text, "manifest.json") == manifest);
    expect_manifest_refused("\"separator\" = -1", [](Json& value) {
        value["tokenizer"]["separator"] = -1;
    });
}

TEST(ManifestTest, TheFamilyIsKeptAndMayBeAbsent) {
    auto config = test::small_config();
    config.family.norm = NormKind::layer;
    config.family.position = PositionKind::alibi;
    config.family.feed_forward = FeedForwardKind::gelu;
    config.family.embedding_norm = true;
    config.family.linear_bias = true;
    auto const manifest = test::paper_manifest(config);
    EXPECT_TRUE(parse_manifest(manifest_text(manifest), "manifest.json").config == config);

    auto value = Json::parse(manifest_text(sample()));
    ASSERT_EQ(value["model"].erase("family"), 1U);
    EXPECT_TRUE(parse_manifest(value.dump(), "manifest.json") == sample());
}

TEST(ManifestTest, LaterSwitchesAreKeptAndWrittenOnlyWhereTheyAreOn) {
    auto const plain = manifest_text(sample());
    for (auto const* key :
         {"qk_norm", "embedding_scale", "rope_scaling", "gates", "shared_expert_hidden"}) {
        EXPECT_EQ(plain.find(key), std::string::npos) << key;
    }
    auto config = test::small_config();
    config.family.norm = NormKind::rms_offset;
    config.family.feed_forward = FeedForwardKind::geglu;
    config.family.qk_norm = true;
    config.family.embedding_scale = true;
    config.rope_scaling = {RopeScalingKind::llama3, 32.0F, 2.0F, 5.0F, 512};
    auto const manifest = test::paper_manifest(config);
    EXPECT_TRUE(parse_manifest(manifest_text(manifest), "manifest.json").config == config);
    config.rope_scaling = {.kind = RopeScalingKind::linear, .factor = 2.5F};
    auto const linear = test::paper_manifest(config);
    EXPECT_TRUE(parse_manifest(manifest_text(linear), "manifest.json").config == config);
}

TEST(ManifestTest, SharedExpertsAreKeptWithTheirParametersInTheBackbone) {
    auto config = test::small_config();
    config.gates = GateScale::probabilities;
    config.layers[1].shared_hidden = 5;
    auto const manifest = test::paper_manifest(config);
    auto const read = parse_manifest(manifest_text(manifest), "manifest.json");
    EXPECT_TRUE(read == manifest);
    auto const found = std::ranges::find(
        read.tensors, "layers.1.shared_expert.gate.weight", [](auto const& its) { return its.name; }
    );
    ASSERT_NE(found, read.tensors.end());
    EXPECT_EQ(found->shard, "backbone-00000.h5");
}

TEST(ManifestTest, RefusesSharedExpertsAndGatesThatCannotBe) {
    expect_manifest_refused(
        "\"gates\" = \"loud\": must be one of renormalised, prob",
        [](Json& value) { value["model"]["gates"] = "loud"; }
    );
    expect_manifest_refused(
        "\"shared_expert_hidden\" = 0: must be a whole number",
        [](Json& value) { value["model"]["layers"][1]["shared_expert_hidden"] = 0; }
    );
    expect_manifest_refused("layer 0: shared_expert_hidden = 4, but only one", [](Json& value) {
        value["model"]["layers"][0]["shared_expert_hidden"] = 4;
    });
    expect_manifest_refused("layers.1.shared_expert.gate_up.weight", [](Json& value) {
        value["model"]["layers"][1]["shared_expert_hidden"] = 4;
    });
}

TEST(ManifestTest, RefusesARopeScalingThatCannotBe) {
    expect_manifest_refused(
        "\"kind\" = \"yarn\": must be one of none, linear, llama3",
        [](Json& value) {
            value["model"]["rope_scaling"] = {{"kind", "yarn"}, {"factor", 2.0}};
        }
    );
    expect_manifest_refused("model.rope_factor = 0.5", [](Json& value) {
        value["model"]["rope_scaling"] = {{"kind", "linear"}, {"factor", 0.5}};
    });
    expect_manifest_refused("\"low_frequency\" is missing", [](Json& value) {
        value["model"]["rope_scaling"] = {{"kind", "llama3"}, {"factor", 2.0}};
    });
}

TEST(ManifestTest, ClassifiersAreKeptWithTheirParametersBesideTheRouters) {
    auto config = test::small_config();
    config.layers[1].classifier = {2, ClassifierSpan::token};
    config.layers[2].classifier = {2, ClassifierSpan::sequence};
    auto const manifest = test::paper_manifest(config);
    auto const read = parse_manifest(manifest_text(manifest), "manifest.json");
    EXPECT_TRUE(read.config == config);
    EXPECT_TRUE(read == manifest);
    auto const tensor = std::ranges::find(
        read.tensors, "layers.1.classifier.weight", [](auto const& its) { return its.name; }
    );
    ASSERT_NE(tensor, read.tensors.end());
    EXPECT_EQ(tensor->shape, (std::vector<std::int64_t>{2, config.width}));
    EXPECT_EQ(tensor->dtype, DType::f32);
    // A model without classifiers is written as it always was.
    config.layers[1].classifier = {};
    config.layers[2].classifier = {};
    auto const plain = manifest_text(test::paper_manifest(config));
    EXPECT_EQ(plain.find("classifier"), std::string::npos);
}

TEST(ManifestTest, RefusesAClassifierThatCannotBe) {
    expect_manifest_refused("must be sequence or token", [](Json& manifest) {
        manifest["model"]["layers"][1]["classifier"] = {{"classes", 2}, {"span", "word"}};
    });
    expect_manifest_refused("a classifier of 3 classes", [](Json& manifest) {
        manifest["model"]["layers"][1]["classifier"] = {{"classes", 3}, {"span", "token"}};
    });
    expect_manifest_refused("only one expert", [](Json& manifest) {
        manifest["model"]["layers"][0]["classifier"] = {{"classes", 2}, {"span", "token"}};
    });
}

TEST(ManifestTest, NamesAKindThatThereIsNot) {
    expect_manifest_refused(
        "\"norm\" = \"batch\": must be one of rms, rms-offset, layer",
        [](Json& value) { value["model"]["family"]["norm"] = "batch"; }
    );
}

TEST(ManifestTest, EqualManifestsGiveEqualBytes) {
    auto const text = manifest_text(sample());
    EXPECT_EQ(manifest_text(parse_manifest(text, "manifest.json")), text);
}

TEST(ManifestTest, KeepsOptionsThatAreNoUtf8AsText) {
    auto manifest = sample();
    manifest.info.options = "out=\xff\xfe";
    EXPECT_NO_THROW(parse_manifest(manifest_text(manifest), "manifest.json"));
}

TEST(ManifestTest, RefusesFilesOutsideTheFolder) {
    for (auto const* name :
         {"../L01-E000.h5", "/etc/passwd", "a/b.h5", "", ".", "..", ".hidden", "a\nb", "a\\b",
          "a b"}) {
        expect_manifest_refused("must be a plain name inside the folder", [&](Json& value) {
            value["shards"][0]["file"] = name;
        });
    }
}

TEST(ManifestTest, NamesATensorThatIsMissing) {
    expect_manifest_refused("final_norm.weight: the model has this tensor", [](Json& value) {
        auto& tensors = value["tensors"];
        for (std::size_t i = 0; i < tensors.size(); ++i) {
            if (tensors[i]["name"] == "final_norm.weight") {
                tensors.erase(i);
                return;
            }
        }
    });
}

TEST(ManifestTest, NamesATensorThatTheModelHasNot) {
    expect_manifest_refused("surprise.weight: the model has no such tensor", [](Json& value) {
        auto tensor = value["tensors"][1];
        tensor["name"] = "surprise.weight";
        tensor["shape"] = {1};
        value["tensors"].push_back(tensor);
    });
}

TEST(ManifestTest, NamesATensorOfAnotherShape) {
    expect_manifest_refused(
        "embedding.weight: is bf16 [36, 12], the model wants bf16 [37, 12]",
        [](Json& v) {
            v["tensors"][0]["shape"] = {36, 12};
        }
    );
    expect_manifest_refused("embedding.weight: is f32 [37, 12]", [](Json& v) {
        v["tensors"][0]["dtype"] = "f32";
        v["shards"][0]["bytes"] = 1000000;
    });
}

TEST(ManifestTest, ListsAllDifferencesAtOnce) {
    auto value = Json::parse(manifest_text(sample()));
    value["tensors"][0]["shape"] = {1, 12};
    value["tensors"][1]["name"] = "other";
    for (auto const* part : {"has 3 faults", "embedding.weight: is", "other: the model has no"}) {
        expect_error(Exit::data, part, [&] { parse_manifest(value.dump(), "manifest.json"); });
    }
}

TEST(ManifestTest, RefusesShapesThatTheShardCannotHold) {
    for (auto const extent : {std::int64_t{1} << 62, std::int64_t{1} << 40}) {
        expect_manifest_refused("has more bytes than are left in", [&](Json& value) {
            value["tensors"][0]["shape"] = {extent, 12};
        });
    }
    expect_manifest_refused("must be whole numbers > 0", [](Json& value) {
        value["tensors"][0]["shape"] = {-37, 12};
    });
    expect_manifest_refused("must be whole numbers > 0", [](Json& value) {
        value["tensors"][0]["shape"] = {37.5, 12};
    });
}

TEST(ManifestTest, RefusesAConfigThatBreaksItsRules) {
    expect_manifest_refused("model.kv_heads = 2: must divide", [](Json& value) {
        value["model"]["num_kv_heads"] = 2;
    });
    expect_manifest_refused("must be a whole number in", [](Json& value) {
        value["model"]["width"] = std::int64_t{1} << 50;
    });
    expect_manifest_refused("\"id\" = 7: must be its place in the list, 0", [](Json& value) {
        value["model"]["layers"][0]["experts"][0]["id"] = 7;
    });
}

TEST(ManifestTest, RefusesWhatIsNoManifest) {
    expect_manifest_refused("the key \"tokens_seen\" is missing", [](Json& v) {
        v.erase("tokens_seen");
    });
    expect_manifest_refused("\"step\" = \"x\"", [](Json& value) { value["step"] = "x"; });
    expect_manifest_refused("schema 2; this program reads schema 1", [](Json& v) {
        v["schema"] = 2;
    });
    expect_manifest_refused("\"sha256\" is no SHA-256", [](Json& v) {
        v["shards"][0]["sha256"] = "A";
    });
    expect_manifest_refused("the shard is listed twice", [](Json& value) {
        value["shards"].push_back(value["shards"][0]);
    });
    expect_manifest_refused("which is no listed shard", [](Json& v) {
        v["tensors"][0]["shard"] = "x.h5";
    });
    for (auto const* text : {"", "[]", "{}", "{\"format\":", "null", "3"}) {
        expect_error(Exit::data, "manifest.json", [&] { parse_manifest(text, "manifest.json"); });
    }
}

// Damage of any one byte is either found or changes a value and nothing else: never a crash.
TEST(ManifestTest, SurvivesDamageAnywhere) {
    auto const text = manifest_text(sample());
    int refused = 0;
    int tried = 0;
    for (std::size_t i = 0; i < text.size(); i += 41) {
        for (char const c : {'\0', '"', '}', '9', '-', '\xff'}) {
            auto damaged = text;
            damaged[i] = c;
            ++tried;
            try {
                parse_manifest(damaged, "manifest.json");
            } catch (Error const& error) {
                EXPECT_EQ(error.code(), Exit::data) << error.what();
                ++refused;
            }
        }
        EXPECT_THROW(parse_manifest(text.substr(0, i), "manifest.json"), Error);
    }
    EXPECT_GT(refused, tried / 2);
}

TEST(ReadCheckpointTest, NamesTheFileThatIsMissingOrCut) {
    TemporaryFolder const folder;
    auto const manifest = sample();
    test::write_content(folder / "manifest.json", manifest_text(manifest));
    for (auto const& shard : manifest.shards) {
        test::write_content(
            folder / shard.file, std::string(static_cast<std::size_t>(shard.bytes), 'x')
        );
    }
    EXPECT_TRUE(read_checkpoint(folder.path()).manifest == manifest);
    std::filesystem::resize_file(folder / "routers.h5", 5);
    expect_error(Exit::data, "routers.h5: has 5 bytes, the manifest says", [&] {
        read_checkpoint(folder.path());
    });
    std::filesystem::remove(folder / "L01-E002.h5");
    expect_error(Exit::data, "L01-E002.h5: No such file", [&] { read_checkpoint(folder.path()); });
    expect_error(Exit::data, "has 2 faults", [&] { read_checkpoint(folder.path()); });
    expect_error(Exit::data, "is this the folder of a checkpoint?", [&] {
        read_checkpoint(folder / "nowhere");
    });
}

}  // namespace
}  // namespace isogloss
