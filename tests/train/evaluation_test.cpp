// train/evaluation_test.cpp - scores against the model's formulas in double, on any number of
// ranks.
#include "train/evaluation.h"

#include <gtest/gtest.h>

#include <cmath>

#include "support/byte_corpus.h"
#include "support/expect_error.h"
#include "support/shared_folder.h"
#include "support/small_model.h"

namespace isogloss {
namespace {

constexpr std::int64_t kRowLength = 7;

// el: 3 documents, 31 tokens; hu: 2 tokens, one of them to predict; tr: nothing held out.
std::vector<test::ByteLanguage> languages() {
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
struct Fixture {
    Fixture() : group(MpiComm::split(MPI_COMM_WORLD, 0, 0)), config(byte_model()) {
        if (group.rank() == 0) {
            test::write_byte_corpus(folder.path() / "corpus", languages());
        }
        MPI_Barrier(MPI_COMM_WORLD);
        corpus.emplace(folder.path() / "corpus");
        auto const all = rows_of(test::byte_stream(languages()[0].valid), 100);
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
    Fixture f;
    for (std::int64_t const rows : {1, 3, 8}) {
        auto request = short_rows();
        request.rows = rows;
        auto const scores = evaluate(*f.model, *f.corpus, request, f.group);
        ASSERT_TRUE(scores.has_value());
        ASSERT_EQ(scores->size(), 2U);  // tr has nothing to predict
        auto const& el = (*scores)[0];
        auto const [loss, targets] = f.expected(languages()[0].valid, 100);
        EXPECT_EQ(el.language, "el");
        EXPECT_EQ(targets, 30);  // 28 letters and 3 separators, the first not predicted
        EXPECT_EQ(el.targets, targets);
        EXPECT_NEAR(el.loss_sum, loss, kLossError * loss) << rows;
        EXPECT_DOUBLE_EQ(el.bytes_of_text, 28.0);
        EXPECT_NEAR(el.loss(), loss / 30.0, kLossError * loss);
        EXPECT_NEAR(el.perplexity(), std::exp(el.loss()), 1e-9 * std::exp(el.loss()));
        EXPECT_NEAR(el.bits_per_byte(), el.loss_sum / std::log(2.0) / 28.0, 1e-9);
        auto const [short_loss, one] = f.expected(languages()[1].valid, 100);
        EXPECT_EQ((*scores)[1].targets, 1);
        EXPECT_EQ(one, 1);
        EXPECT_NEAR((*scores)[1].loss_sum, short_loss, kLossError * short_loss);
    }
}

TEST(EvaluationTest, AllRanksHaveTheSameBits) {
    Fixture f;
    auto const scores = evaluate(*f.model, *f.corpus, short_rows(), f.group);
    double first = scores->at(0).loss_sum;
    MPI_Bcast(&first, 1, MPI_DOUBLE, 0, MPI_COMM_WORLD);
    EXPECT_EQ(scores->at(0).loss_sum, first);
}

TEST(EvaluationTest, MaxTokensTakesWholeRowsFromTheFront) {
    Fixture f;
    auto request = short_rows({"el"});
    request.rows = 2;
    request.max_tokens = 8;
    auto const scores = evaluate(*f.model, *f.corpus, request, f.group);
    auto const [loss, targets] = f.expected(languages()[0].valid, 2);  // ceil(8 / 7) rows
    ASSERT_EQ(scores->size(), 1U);
    EXPECT_EQ(targets, 14);
    EXPECT_EQ(scores->at(0).targets, 14);
    EXPECT_NEAR(scores->at(0).loss_sum, loss, kLossError * loss);
    EXPECT_DOUBLE_EQ(scores->at(0).bytes_of_text, 28.0 * 14.0 / 30.0);
}

TEST(EvaluationTest, OneRankThatWantsToStopStopsAll) {
    Fixture f;
    auto const last = f.group.size() - 1;
    auto request = short_rows();
    request.stop = [&] { return f.group.rank() == last; };
    auto const scores = evaluate(*f.model, *f.corpus, request, f.group);
    EXPECT_FALSE(scores.has_value());
}

TEST(EvaluationTest, AnUnknownLanguageIsAFaultOfUsage) {
    Fixture f;
    test::expect_error(Exit::usage, "\"xx\"", [&] {
        evaluate(*f.model, *f.corpus, short_rows({"xx"}), f.group);
    });
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
