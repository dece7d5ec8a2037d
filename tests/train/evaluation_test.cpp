// train/evaluation_test.cpp - scores against the model's formulas in double, on any number of
// ranks.
#include "train/evaluation.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "support/byte_corpus.h"
#include "support/expect_error.h"
#include "support/shared_folder.h"
#include "support/small_model.h"
#include "support/temporary_folder.h"

namespace isogloss {
namespace {

constexpr std::int64_t kRowLength = 7;

// el: 3 documents, 31 tokens; hu: 2 tokens, one of them to predict; tr: nothing held out.
std::vector<test::ByteLanguage> evaluated_languages() {
    return {
        {"el", {"x"}, {"abcabcabca", "bca", "the quick fox j"}},
        {"hu", {"x"}, {"q"}},
        {"tr", {"x"}, {}}};
}

ModelConfig byte_model() {
    auto config = test::small_config({1, 3}, DType::f32);
    config.vocab_size = test::kByteVocabulary;
    return frozen(config);
}

// The rows of a stream by their definition: inputs [w T, w T + T), targets
// one further, documents begin at separators and at the row's start.
test::ReferenceBatch rows_of(std::vector<std::uint16_t> const& stream, std::int64_t max_rows) {
    test::ReferenceBatch batch;
    batch.row_length = kRowLength;
    auto const tokens = static_cast<std::int64_t>(stream.size());
    for (std::int64_t first = 0; first + 1 < tokens && batch.rows < max_rows; first += kRowLength) {
        ++batch.rows;
        std::int32_t start = 0;
        for (std::int64_t t = 0; t < kRowLength; ++t) {
            auto const n = static_cast<std::size_t>(first + t);
            bool const inside = first + t < tokens;
            auto const token = inside ? stream[n] : test::kByteSeparator;
            start = token == test::kByteSeparator ? static_cast<std::int32_t>(t) : start;
            batch.tokens.push_back(token);
            batch.targets.push_back(first + t + 1 < tokens ? stream[n + 1] : -1);
            batch.position.push_back(static_cast<std::int32_t>(t) - start);
            batch.document_start.push_back(start);
        }
    }
    return batch;
}

// A model on all ranks, and the same in double on each of them.
struct EvaluationFixture {
    EvaluationFixture() : group(MpiComm::split(MPI_COMM_WORLD, 0, 0)), config(byte_model()) {
        if (group.rank() == 0) {
            test::write_byte_corpus(folder.path() / "corpus", evaluated_languages());
        }
        MPI_Barrier(MPI_COMM_WORLD);
        corpus.emplace(folder.path() / "corpus");
        auto const all = rows_of(test::byte_stream(evaluated_languages()[0].valid), 100);
        for (std::uint64_t seed = 0;; ++seed) {  // no rounding may change a router's choice
            parameters = test::random_parameters(config, seed);
            auto const result = test::ReferenceModel<double>(config, parameters).run(all, 1.0, 0.0);
            if (result.smallest_margin > 1e-3) {
                break;
            }
        }
        model.emplace(
            config, test::uneven_placement(config, group.size()), group, LanguageModel::Settings{}
        );
        test::set_parameters(model->parameters(), parameters);
    }

    // Sum of losses and targets of the first rows of a stream.
    [[nodiscard]] std::pair<double, std::int64_t> expected(
        std::vector<std::string> const& documents, std::int64_t max_rows
    ) const {
        auto const batch = rows_of(test::byte_stream(documents), max_rows);
        auto const result = test::ReferenceModel<double>(config, parameters).run(batch, 1.0, 0.0);
        double sum = 0.0;
        for (auto const loss : result.row_loss) {
            sum += loss;
        }
        return {sum, test::counted_targets(batch)};
    }

    test::SharedFolder folder;
    MpiComm group;
    ModelConfig config;
    test::Parameters<double> parameters;
    std::optional<Corpus> corpus;
    std::optional<LanguageModel> model;
};

EvaluationRequest short_rows(std::vector<std::string> languages = {}) {
    EvaluationRequest request;
    request.languages = std::move(languages);
    request.row_length = kRowLength;
    return request;
}

// A loss is a sum over at most 30 targets of logarithms of sums over 257 logits, each a chain of a
// few hundred float operations with errors of 2^-24 that partly cancel: 1e-4 of it is ample, and a
// token left out or counted twice changes it by 3e-2.
constexpr double kLossError = 1e-4;

TEST(EvaluationTest, ScoresAreThoseOfTheFormulas) {
    EvaluationFixture f;
    for (std::int64_t const rows : {1, 3, 8}) {
        auto request = short_rows();
        request.rows = rows;
        auto const scores = evaluate(*f.model, *f.corpus, request, f.group);
        ASSERT_TRUE(scores.has_value());
        ASSERT_EQ(scores->size(), 2U);  // tr has nothing to predict
        auto const& el = (*scores)[0];
        auto const [loss, targets] = f.expected(evaluated_languages()[0].valid, 100);
        EXPECT_EQ(el.language, "el");
        EXPECT_EQ(targets, 30);  // 28 letters and 3 separators, the first not predicted
        EXPECT_EQ(el.targets, targets);
        EXPECT_NEAR(el.loss_sum, loss, kLossError * loss) << rows;
        EXPECT_DOUBLE_EQ(el.bytes_of_text, 28.0);
        EXPECT_NEAR(el.loss(), loss / 30.0, kLossError * loss);
        EXPECT_NEAR(el.perplexity(), std::exp(el.loss()), 1e-9 * std::exp(el.loss()));
        EXPECT_NEAR(el.bits_per_byte(), el.loss_sum / std::log(2.0) / 28.0, 1e-9);
        auto const [short_loss, one] = f.expected(evaluated_languages()[1].valid, 100);
        EXPECT_EQ((*scores)[1].targets, 1);
        EXPECT_EQ(one, 1);
        EXPECT_NEAR((*scores)[1].loss_sum, short_loss, kLossError * short_loss);
    }
}

TEST(EvaluationTest, LanguagesWithoutTextAreNamed) {
    EvaluationFixture f;
    auto const path = f.folder.path() / "log.txt";
    {
        Log log(f.group.rank());
        log.also_to(path);
        warn_without_text(short_rows(), *f.corpus, f.group, log);
        warn_without_text(short_rows({"hu", "el"}), *f.corpus, f.group, log);
    }
    MPI_Barrier(MPI_COMM_WORLD);
    auto const text = test::content_of(path);
    EXPECT_NE(text.find("warning: no score for tr: "), std::string::npos) << text;
    EXPECT_EQ(std::ranges::count(text, '\n'), 1) << text;
}

TEST(EvaluationTest, AllRanksHaveTheSameBits) {
    EvaluationFixture f;
    auto const scores = evaluate(*f.model, *f.corpus, short_rows(), f.group);
    double first = scores->at(0).loss_sum;
    MPI_Bcast(&first, 1, MPI_DOUBLE, 0, MPI_COMM_WORLD);
    EXPECT_EQ(scores->at(0).loss_sum, first);
}

TEST(EvaluationTest, MaxTokensTakesWholeRowsFromTheFront) {
    EvaluationFixture f;
    auto request = short_rows({"el"});
    request.rows = 2;
    request.max_tokens = 8;
    auto const scores = evaluate(*f.model, *f.corpus, request, f.group);
    auto const [loss, targets] = f.expected(evaluated_languages()[0].valid, 2);  // ceil(8 / 7) rows
    ASSERT_EQ(scores->size(), 1U);
    EXPECT_EQ(targets, 14);
    EXPECT_EQ(scores->at(0).targets, 14);
    EXPECT_NEAR(scores->at(0).loss_sum, loss, kLossError * loss);
    EXPECT_DOUBLE_EQ(scores->at(0).bytes_of_text, 28.0 * 14.0 / 30.0);
}

TEST(EvaluationTest, OneRankThatWantsToStopStopsAll) {
    EvaluationFixture f;
    auto const last = f.group.size() - 1;
    auto request = short_rows();
    request.stop = [&] { return f.group.rank() == last; };
    auto const scores = evaluate(*f.model, *f.corpus, request, f.group);
    EXPECT_FALSE(scores.has_value());
}

TEST(EvaluationTest, AnUnknownLanguageIsAFaultOfUsage) {
    EvaluationFixture f;
    test::expect_error(Exit::usage, "\"xx\"", [&] {
        evaluate(*f.model, *f.corpus, short_rows({"xx"}), f.group);
    });
}

// Windows by their definition, each by a forward pass of its own in double: the loss of token i, or
// none where the window has it as context.
std::vector<double> losses_of_window(
    ModelConfig const& config,
    test::Parameters<double> const& parameters,
    std::vector<std::int32_t> const& window
) {
    std::vector<double> losses;
    for (std::size_t target = 1; target < window.size(); ++target) {
        test::ReferenceBatch batch;
        batch.rows = 1;
        batch.row_length = static_cast<std::int64_t>(target);
        for (std::size_t t = 0; t < target; ++t) {
            batch.tokens.push_back(window[t]);
            batch.targets.push_back(t + 1 == target ? window[target] : -1);
            batch.position.push_back(static_cast<std::int32_t>(t));
            batch.document_start.push_back(0);
        }
        auto const result = test::ReferenceModel<double>(config, parameters).run(batch, 1.0, 0.0);
        EXPECT_GT(result.smallest_margin, 1e-5) << "rounding may change a router's choice";
        losses.push_back(result.row_loss.at(0));
    }
    return losses;
}

struct StridedSums {
    double exact = 0.0;
    std::int64_t tokens = 0;
    double released = 0.0;  // mean of the window times its labels less one
    std::int64_t weight = 0;
};

// The recipe, step by step: begin, end and the target length of each window.
StridedSums strided_sums(EvaluationFixture const& f, std::vector<std::int32_t> const& stream) {
    constexpr std::size_t kWindow = 7;
    constexpr std::size_t kStride = 3;
    StridedSums sums;
    std::size_t previous_end = 0;
    for (std::size_t begin = 0; begin < stream.size(); begin += kStride) {
        auto const end = std::min(begin + kWindow, stream.size());
        std::vector<std::int32_t> const window(
            stream.begin() + static_cast<std::ptrdiff_t>(begin),
            stream.begin() + static_cast<std::ptrdiff_t>(end)
        );
        auto const labels = end - previous_end;
        auto const losses = losses_of_window(f.config, f.parameters, window);
        double sum = 0.0;
        std::int64_t scored = 0;
        for (std::size_t i = 0; i < losses.size(); ++i) {
            if (i + 1 >= window.size() - labels) {  // losses[i] is that of window[i + 1]
                sum += losses[i];
                ++scored;
            }
        }
        sums.exact += sum;
        sums.tokens += scored;
        sums.released += sum / static_cast<double>(scored) * static_cast<double>(labels - 1);
        sums.weight += static_cast<std::int64_t>(labels) - 1;
        previous_end = end;
        if (end == stream.size()) {
            break;
        }
    }
    return sums;
}

EvaluationRequest strided_request(Joint joint, WindowWeighting weighting) {
    EvaluationRequest request;
    request.languages = {"el"};
    request.protocol = Protocol::strided;
    request.strided.window = 7;
    request.strided.stride = 3;
    request.strided.documents = 2;
    request.strided.joint = joint;
    request.strided.weighting = weighting;
    request.rows = 2;
    return request;
}

TEST(EvaluationTest, StridedScoresAreThoseOfTheRecipe) {
    EvaluationFixture f;
    auto const texts = evaluated_languages()[0].valid;
    for (auto const joint : {Joint::separator, Joint::blank_line}) {
        std::vector<std::int32_t> stream;
        for (auto const document : random_documents(3, 2, 0)) {
            if (joint == Joint::separator) {
                stream.push_back(test::kByteSeparator);
            } else if (!stream.empty()) {
                stream.insert(stream.end(), {'\n', '\n'});
            }
            for (char const byte : texts[static_cast<std::size_t>(document)]) {
                stream.push_back(static_cast<unsigned char>(byte));
            }
        }
        auto const expected = strided_sums(f, stream);
        ASSERT_EQ(expected.tokens, static_cast<std::int64_t>(stream.size()) - 1);
        auto const exact =
            evaluate(*f.model, *f.corpus, strided_request(joint, WindowWeighting::exact), f.group);
        EXPECT_EQ(exact->at(0).targets, expected.tokens);
        EXPECT_NEAR(exact->at(0).loss_sum, expected.exact, kLossError * expected.exact);
        auto const released = evaluate(
            *f.model, *f.corpus, strided_request(joint, WindowWeighting::released), f.group
        );
        EXPECT_EQ(released->at(0).targets, expected.weight);
        EXPECT_LT(expected.weight, expected.tokens);
        EXPECT_NEAR(released->at(0).loss_sum, expected.released, kLossError * expected.released);
        // Bits per byte: the loss a token times all tokens, over all bytes.
        auto const bytes =
            static_cast<double>(stream.size()) - (joint == Joint::separator ? 2.0 : 0.0);
        EXPECT_DOUBLE_EQ(exact->at(0).bytes_of_text, bytes);
        EXPECT_NEAR(
            released->at(0).bits_per_byte(),
            released->at(0).loss() * static_cast<double>(expected.tokens) / bytes / std::log(2.0),
            1e-9
        );
    }
}

TEST(EvaluationTest, MaxTokensTakesWholeWindowsFromTheFront) {
    EvaluationFixture f;
    auto request = strided_request(Joint::separator, WindowWeighting::exact);
    // The first window predicts 6 tokens, each of the others 3.
    for (auto const& [most, targets] : {std::pair(1, 6), {6, 6}, {7, 9}, {9, 9}, {10, 12}}) {
        request.max_tokens = most;
        auto const scores = evaluate(*f.model, *f.corpus, request, f.group);
        EXPECT_EQ(scores->at(0).targets, targets) << most;
    }
}

// Experts of layer 1 by hand: the router's rows are zero but for the given one, and a row of zeros
// gives equal probabilities, whose ties go to the expert of the lower number.
TEST(EvaluationTest, SharesAreCountsOfChoices) {
    EvaluationFixture f;
    auto parameters = f.parameters;
    std::ranges::fill(parameters.at("layers.1.router.weight"), 0.0);
    test::set_parameters(f.model->parameters(), parameters);
    RoutingShares shares;
    auto request = short_rows();
    request.shares = &shares;
    request.rows = 3;
    auto const scores = evaluate(*f.model, *f.corpus, request, f.group);
    ASSERT_EQ(shares.layers.size(), 1U);  // layer 0 has one expert
    EXPECT_EQ(shares.layers[0].layer, 1);
    EXPECT_EQ(shares.layers[0].generation, (std::vector<std::int32_t>{0, 0, 0}));
    EXPECT_EQ(shares.layers[0].share.size(), 2U);
    for (auto const* language : {"el", "hu"}) {
        EXPECT_EQ(shares.layers[0].share.at(language), (std::vector<double>{0.5, 0.5, 0.0}));
    }
    EXPECT_TRUE(shares.layers[0].class_zero.empty());
}

TEST(EvaluationTest, SharesAreThoseOfTheFormulasWithoutPadding) {
    EvaluationFixture f;
    RoutingShares shares;
    auto request = short_rows({"el"});
    request.shares = &shares;
    evaluate(*f.model, *f.corpus, request, f.group);
    // 30 tokens have a successor; the reference routes the five that pad its last row as well.
    auto batch = rows_of(test::byte_stream(evaluated_languages()[0].valid), 100);
    auto const all = test::ReferenceModel<double>(f.config, f.parameters).run(batch, 1.0, 0.0);
    auto const cut = static_cast<std::size_t>(batch.row_length * (batch.rows - 1));
    test::ReferenceBatch last;
    last.rows = 1;
    last.row_length = 2;
    auto full = batch;
    full.rows -= 1;
    for (auto list :
         {&test::ReferenceBatch::tokens, &test::ReferenceBatch::targets,
          &test::ReferenceBatch::position, &test::ReferenceBatch::document_start}) {
        (full.*list).resize(cut);
        auto const begin = (batch.*list).begin() + static_cast<std::ptrdiff_t>(cut);
        (last.*list).assign(begin, begin + 2);
    }
    std::vector<double> expected(3, 0.0);
    for (auto const* part : {&full, &last}) {
        auto const result =
            test::ReferenceModel<double>(f.config, f.parameters).run(*part, 1.0, 0.0);
        for (std::size_t e = 0; e < 3; ++e) {
            expected[e] += static_cast<double>(result.expert_tokens[1][e]) / 60.0;
        }
    }
    auto const& share = shares.layers.at(0).share.at("el");
    double sum = 0.0;
    for (std::size_t e = 0; e < 3; ++e) {
        EXPECT_NEAR(share[e], expected[e], 1e-12) << e;
        sum += share[e];
    }
    EXPECT_NEAR(sum, 1.0, 1e-12);
    EXPECT_NE(all.expert_tokens[1][0] + all.expert_tokens[1][1] + all.expert_tokens[1][2], 60);
}

// Layer 1 of three experts: el's tokens all go to expert 2, as in a dense model made of it.
TEST(EvaluationTest, HardRoutingIsADenseModelOfTheExpert) {
    EvaluationFixture f;
    auto config = f.config;
    config.layers[1].experts[1].group = "hu";
    config.layers[1].experts[2].group = "tr, el";
    LanguageModel model(config, test::uneven_placement(config, f.group.size()), f.group, {});
    test::set_parameters(model.parameters(), f.parameters);
    RoutingShares shares;
    auto request = short_rows({"el"});
    request.routing.mode = RoutingMode::hard;
    request.shares = &shares;
    auto const hard = evaluate(model, *f.corpus, request, f.group);
    EXPECT_EQ(shares.layers.at(0).share.at("el"), (std::vector<double>{0.0, 0.0, 1.0}));

    auto dense_config = config;
    dense_config.layers[1].experts = {config.layers[1].experts[2]};
    auto dense = f.parameters;
    for (auto const* matrix : {"gate_up.weight", "down.weight"}) {
        dense["layers.1.experts.0." + std::string(matrix)] =
            f.parameters.at("layers.1.experts.2." + std::string(matrix));
    }
    auto const batch = rows_of(test::byte_stream(evaluated_languages()[0].valid), 100);
    auto const result = test::ReferenceModel<double>(dense_config, dense).run(batch, 1.0, 0.0);
    double loss = 0.0;
    for (auto const row : result.row_loss) {
        loss += row;
    }
    EXPECT_EQ(hard->at(0).targets, 30);
    EXPECT_NEAR(hard->at(0).loss_sum, loss, kLossError * loss);
}

// A classifier of zeros decides for the first of two equal classes: all tokens to expert 0.
TEST(EvaluationTest, ClassZeroIsAShareOfDecisions) {
    EvaluationFixture f;
    auto config = f.config;
    config.layers[1].classifier.classes = 2;
    LanguageModel model(config, test::uneven_placement(config, f.group.size()), f.group, {});
    auto parameters = f.parameters;
    parameters["layers.1.classifier.weight"].assign(
        2 * static_cast<std::size_t>(config.width), 0.0
    );
    test::set_parameters(model.parameters(), parameters);
    for (bool const is_asked : {true, false}) {
        RoutingShares shares;
        auto request = short_rows({"el"});
        request.routing.classify = is_asked;
        request.shares = &shares;
        evaluate(model, *f.corpus, request, f.group);
        auto const& layer = shares.layers.at(0);
        EXPECT_EQ(layer.class_zero.size(), is_asked ? 1U : 0U);
        if (is_asked) {
            EXPECT_EQ(layer.class_zero.at("el"), 1.0);
            EXPECT_EQ(layer.share.at("el"), (std::vector<double>{1.0, 0.0, 0.0}));
        } else {
            EXPECT_LT(layer.share.at("el")[0], 1.0);
        }
    }
}

TEST(EvaluationTest, HardRoutingNeedsALanguageInAGroup) {
    EvaluationFixture f;
    auto request = short_rows({"el"});
    request.routing.mode = RoutingMode::hard;
    test::expect_error(Exit::usage, "el", [&] { evaluate(*f.model, *f.corpus, request, f.group); });
}

TEST(EvaluationTest, JsonHasTheNumbersOfTheTable) {
    std::vector<LanguageScore> const scores{{"el", 20.0 * std::log(2.0), 10, 5.0}};
    auto const json = to_json(scores);
    EXPECT_DOUBLE_EQ(json["el"]["bits_per_byte"].get<double>(), 4.0);
    EXPECT_DOUBLE_EQ(json["el"]["perplexity"].get<double>(), 4.0);
    EXPECT_EQ(json["el"]["tokens"], 10);
    EXPECT_NE(to_table(scores).text().find("4.0000"), std::string::npos);
}

}  // namespace
}  // namespace isogloss
