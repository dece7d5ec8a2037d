// growth/layer_choice_test.cpp - layers from deviations: a published profile, ties, and bad files.
#include "growth/layer_choice.h"

#include <gtest/gtest.h>

#include <functional>
#include <limits>

#include "growth/measurement.h"
#include "support/expect_error.h"
#include "support/temporary_folder.h"

namespace isogloss {
namespace {

using test::expect_error;
using Layers = std::vector<std::int32_t>;

// z of Bloom-560M over 18 languages, as published to three decimals.
std::vector<double> const kBloom{.768, .624, .779, .790, .739, .509, .355, .197,
                                 .059, .011, .160, .001, 0.0,  .064, .086, .132,
                                 .196, .282, .472, .559, .707, .828, 1.0,  .803};

Json two_languages() {
    return Json::parse(R"({
        "zu": {"delta_norm_att": [9, 9], "delta_norm_ffn": [1.0, 4.0, 2.0, 0.5]},
        "ar": {"delta_norm_ffn": [3.0, 2.0, 2.0, 1.5], "note": "x"},
        "model": "a note on the file"
    })");
}

TEST(LayerChoiceTest, ThePublishedProfileGivesThePublishedMask) {
    auto const layers = layers_from_threshold(kBloom, 0.6);
    EXPECT_EQ(layers, (Layers{0, 1, 2, 3, 4, 20, 21, 22, 23}));
    EXPECT_EQ(layer_mask(layers), "15728671");
    EXPECT_EQ(layer_mask_json(layers, 24).dump(), "15728671");
    EXPECT_EQ(highest_layers(kBloom, 9), layers);
}

TEST(LayerChoiceTest, NormsAreAveragedInTheFilesOrderAndScaled) {
    auto const deviation = deviation_norms_from_json(two_languages(), "f.json");
    EXPECT_EQ(deviation.languages, (std::vector<std::string>{"zu", "ar"}));
    auto const layers = layer_deviation(deviation);
    EXPECT_EQ(layers.mean, (std::vector<double>{2.0, 3.0, 2.0, 1.0}));
    EXPECT_EQ(layers.normalised, (std::vector<double>{0.5, 1.0, 0.5, 0.0}));
    EXPECT_EQ(layers_from_threshold(layers.normalised, 0.5), (Layers{0, 1, 2}));  // z >= eps
}

TEST(LayerChoiceTest, OfEqualLayersTheLowerIsHigher) {
    std::vector<double> const z{0.5, 1.0, 0.5, 0.0};
    EXPECT_EQ(highest_layers(z, 2), (Layers{0, 1}));
    EXPECT_EQ(highest_layers(z, 3), (Layers{0, 1, 2}));
}

TEST(LayerChoiceTest, ChosenLanguagesAloneCount) {
    auto const deviation = deviation_norms_from_json(two_languages(), "f.json", {"ar"});
    EXPECT_EQ(layer_deviation(deviation).mean, (std::vector<double>{3.0, 2.0, 2.0, 1.5}));
    expect_error(Exit::usage, "\"xx\", \"yy\"; it has zu ar", [] {
        deviation_norms_from_json(two_languages(), "f.json", {"xx", "ar", "yy"});
    });
    expect_error(Exit::usage, "\"ar\" is named twice", [] {
        deviation_norms_from_json(two_languages(), "f.json", {"ar", "ar"});
    });
}

TEST(LayerChoiceTest, MasksAreExactForAnyNumberOfLayers) {
    EXPECT_EQ(layer_mask({}), "0");
    EXPECT_EQ(layer_mask(Layers{63}), "9223372036854775808");
    EXPECT_EQ(layer_mask(Layers{64, 0}), "18446744073709551617");  // 2^64 + 1
    EXPECT_EQ(layer_mask_json(Layers{63, 0}, 64).dump(), "9223372036854775809");
    EXPECT_EQ(layer_mask_json(Layers{0}, 65).dump(), "\"1\"");
}

TEST(LayerChoiceTest, LayersThatAreAllAlikeAreRefused) {
    expect_error(Exit::data, "all 3 layers have the same mean deviation", [] {
        layer_deviation({{"a", "b"}, {{0.1, 0.2, 0.3}, {0.3, 0.2, 0.1}}});
    });
    expect_error(Exit::data, "all 2 layers", [] { layer_deviation({{"a"}, {{0.0, 0.0}}}); });
}

TEST(LayerChoiceTest, ARuleOutsideItsRangeIsRefused) {
    for (double const eps : {-0.1, 1.1, std::numeric_limits<double>::quiet_NaN()}) {
        expect_error(Exit::usage, "threshold", [&] { layers_from_threshold(kBloom, eps); });
    }
    expect_error(Exit::usage, "layers = 0", [] { highest_layers(kBloom, 0); });
    expect_error(Exit::usage, "[1, 24]", [] { highest_layers(kBloom, 25); });
}

TEST(LayerChoiceTest, BadNormsAreNamedByLanguageAndLayer) {
    struct Case {
        std::string part;
        std::function<void(Json&)> change;
    };
    auto const norms = [](Json& value) -> Json& { return value["ar"]["delta_norm_ffn"]; };
    std::vector<Case> const cases{
        {"\"ar\", layer 2: \"NaN\" is no", [&](Json& v) { norms(v)[2] = "NaN"; }},
        {"\"ar\", layer 1: null is no", [&](Json& v) { norms(v)[1] = nullptr; }},
        {"\"ar\", layer 0: a norm of -1 is negative", [&](Json& v) { norms(v)[0] = -1.0; }},
        {"\"ar\" has 3 layers and \"zu\" has 4", [&](Json& v) { norms(v).erase(3); }},
        {"\"ar\": must be a list", [&](Json& v) { norms(v) = Json::array(); }},
        {"\"ar\": has no \"delta_norm_ffn\"", [](Json& v) { v["ar"] = Json::object(); }},
        {"\"ar\": has no \"delta_norm_ffn\"", [](Json& v) { v["ar"] = nullptr; }},
        {"has no language", [](Json& v) { v = Json::object(); }},
        {"must be an object", [](Json& v) { v = Json::array(); }}};
    for (auto const& its : cases) {
        auto value = two_languages();
        its.change(value);
        expect_error(Exit::data, its.part, [&] { deviation_norms_from_json(value, "f.json"); });
    }
}

TEST(MeasurementTest, NotFiniteWordsOfPythonAreReadAsTexts) {
    test::TemporaryFolder const folder;
    auto const path = folder / "f.json";
    test::write_content(path, R"({"a\"NaN": [NaN, 1, -Infinity, "x NaN"], "b": Infinity})");
    auto const value = read_measurements(path);
    EXPECT_EQ(value.dump(), R"({"a\"NaN":["NaN",1,"-Infinity","x NaN"],"b":"Infinity"})");
    expect_error(Exit::data, "f, layer 0: \"NaN\" is no finite number", [&] {
        finite_numbers(value["a\"NaN"], "f", "layer");
    });
    test::write_content(path, "{\"a\": [1,}");
    expect_error(Exit::data, "not valid JSON", [&] { read_measurements(path); });
    expect_error(Exit::data, "gone.json", [&] { read_measurements(folder / "gone.json"); });
}

}  // namespace
}  // namespace isogloss
