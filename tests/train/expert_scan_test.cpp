// train/expert_scan_test.cpp - a forced expert against a dense model that has it alone.
#include "train/expert_scan.h"

#include <gtest/gtest.h>

#include <cmath>
#include <optional>

#include "corpus/loader.h"
#include "support/byte_corpus.h"
#include "support/expect_error.h"
#include "support/shared_folder.h"
#include "support/small_model.h"

namespace isogloss {
namespace {

constexpr std::int64_t kScanLength = 7;

std::vector<test::ByteLanguage> scanned_languages() {
    return {
        {"be", {"x"}, {"abcabcabca", "bca", "the quick fox j"}},
        {"ne", {"x"}, {}},
        {"sr", {"x"}, {"qwertz", "uiop"}}};
}

// Dense below, three experts above.
ModelConfig scanned_model(std::vector<std::int32_t> const& experts) {
    auto config = test::small_config(experts, DType::f32);
    config.vocab_size = test::kByteVocabulary;
    return frozen(config);
}

// The model that has expert `expert` in place of each mixture.
test::Parameters<double> with_one_expert(
    test::Parameters<double> const& all, ModelConfig const& dense, std::int32_t expert
) {
    test::Parameters<double> parameters;
    for (auto const& spec : parameter_specs(dense)) {
        auto name = spec.name;
        if (spec.part == Part::expert && spec.layer > 0) {
            name.replace(name.find("experts.0"), 9, "experts." + std::to_string(expert));
        }
        parameters[spec.name] = all.at(name);
    }
    return parameters;
}

struct ScanFixture {
    ScanFixture() : group(MpiComm::split(MPI_COMM_WORLD, 0, 0)), config(scanned_model({1, 3, 3})) {
        config.layers[1].experts[1].group = "ru,uk";
        if (group.rank() == 0) {
            test::write_byte_corpus(folder.path() / "corpus", scanned_languages());
        }
        MPI_Barrier(MPI_COMM_WORLD);
        corpus.emplace(folder.path() / "corpus");
        parameters = test::random_parameters(config, 1);
        model.emplace(
            config, test::uneven_placement(config, group.size()), group, LanguageModel::Settings{}
        );
        test::set_parameters(model->parameters(), parameters);
    }

    // Loss and targets of a language with a dense model, row by row.
    std::pair<double, std::int64_t> dense_loss(std::int32_t language, std::int32_t expert) {
        auto const dense = scanned_model({1, 1, 1});
        auto const self = MpiComm::split(MPI_COMM_WORLD, group.rank(), 0);
        LanguageModel alone(
            dense, test::uneven_placement(dense, 1), self, LanguageModel::Settings{}
        );
        test::set_parameters(alone.parameters(), with_one_expert(parameters, dense, expert));
        ValidationSet const set(*corpus, language, Split::valid, kScanLength);
        auto const pass = alone.evaluate(set.read(0, set.rows()));
        double sum = 0.0;
        std::int64_t targets = 0;
        for (std::size_t r = 0; r < pass.row_loss.size(); ++r) {
            sum += pass.row_loss[r];
            targets += pass.row_targets[r];
        }
        return {sum, targets};
    }

    test::SharedFolder folder;
    MpiComm group;
    ModelConfig config;
    test::Parameters<double> parameters;
    std::optional<Corpus> corpus;
    std::optional<LanguageModel> model;
};

ScanRequest scan_request() {
    ScanRequest request;
    request.languages = {"be", "sr"};
    request.row_length = kScanLength;
    request.rows = 2;
    return request;
}

// The same chain of float operations but for the order of rows: 1e-5 is ample.
TEST(ExpertScanTest, EachExpertScoresAsTheDenseModelThatHasIt) {
    ScanFixture f;
    auto const scan = scan_experts(*f.model, *f.corpus, scan_request(), f.group);
    ASSERT_TRUE(scan.has_value());
    ASSERT_EQ(scan->experts.size(), 3U);
    EXPECT_EQ(scan->tokens, (std::vector<std::int64_t>{30, 11}));
    std::int32_t best = 0;
    std::vector<double> together;
    for (std::int32_t e = 0; e < 3; ++e) {
        auto const& score = scan->experts[static_cast<std::size_t>(e)];
        auto const be = f.dense_loss(0, e);
        auto const sr = f.dense_loss(2, e);
        EXPECT_EQ(be.second, 30);
        EXPECT_NEAR(score.perplexity[0] / std::exp(be.first / 30.0), 1.0, 1e-5);
        EXPECT_NEAR(score.perplexity[1] / std::exp(sr.first / 11.0), 1.0, 1e-5);
        together.push_back(std::exp((be.first + sr.first) / 41.0));
        EXPECT_NEAR(score.together / together.back(), 1.0, 1e-5);
        best = together.back() < together[static_cast<std::size_t>(best)] ? e : best;
    }
    EXPECT_EQ(scan->best, best);
    EXPECT_EQ(scan->experts[1].group, "ru,uk");
    auto const json = to_json(*scan);
    EXPECT_EQ(json["best"], best);
    EXPECT_EQ(json["experts"][1]["group"], "ru,uk");
    EXPECT_NEAR(
        json["experts"][2]["perplexity"]["sr"].get<double>(), scan->experts[2].perplexity[1], 0.0
    );
}

TEST(ExpertScanTest, EqualExpertsGiveTheFirst) {
    ScanFixture f;
    for (auto const* layer : {"1", "2"}) {
        for (auto const* part : {".gate_up.weight", ".down.weight"}) {
            auto const prefix = std::string("layers.") + layer + ".experts.";
            for (auto const* expert : {"1", "2"}) {
                f.parameters[prefix + expert + part] = f.parameters[prefix + "0" + part];
            }
        }
    }
    test::set_parameters(f.model->parameters(), f.parameters);
    auto const scan = scan_experts(*f.model, *f.corpus, scan_request(), f.group);
    EXPECT_EQ(scan->best, 0);
    EXPECT_EQ(scan->best_of, (std::vector<std::int32_t>{0, 0}));
}

TEST(ExpertScanTest, RefusesWhatCannotBeScanned) {
    ScanFixture f;
    auto request = scan_request();
    request.languages = {"ne"};
    test::expect_error(Exit::usage, "language ne: has no text", [&] {
        scan_experts(*f.model, *f.corpus, request, f.group);
    });
    request.languages = {};
    test::expect_error(Exit::usage, "no language to scan", [&] {
        scan_experts(*f.model, *f.corpus, request, f.group);
    });
    test::expect_error(Exit::usage, "layer 0 has 3 experts and layer 2 has 2", [&] {
        scannable_experts(scanned_model({3, 1, 2}));
    });
    test::expect_error(Exit::usage, "no layer has a router", [&] {
        scannable_experts(scanned_model({1, 1}));
    });
}

TEST(ExpertScanTest, AStopLeavesNothing) {
    ScanFixture f;
    auto request = scan_request();
    request.stop = [&] { return f.group.rank() == 0; };
    EXPECT_FALSE(scan_experts(*f.model, *f.corpus, request, f.group).has_value());
}

}  // namespace
}  // namespace isogloss
