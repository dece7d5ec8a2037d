// train/language_similarity_test.cpp - directions of languages against all pairs of their tokens.
#include "train/language_similarity.h"

#include <gtest/gtest.h>

#include <cmath>
#include <optional>

#include "support/byte_corpus.h"
#include "support/expect_error.h"
#include "support/shared_folder.h"
#include "support/small_model.h"

namespace isogloss {
namespace {

// Lengths with the separator: el 4, 9, 3 (too long for the limit of 8 is the second); hu 6, 5;
// en 7, 2, 7.
std::vector<test::ByteLanguage> compared_languages() {
    return {
        {"el", {"abc", "abcdefgh", "xy"}, {"q"}},
        {"en", {"hello!", "w", "orlds!"}, {"q"}},
        {"hu", {"szia?", "joja"}, {"q"}}};
}

ModelConfig compared_model(std::vector<std::int32_t> const& experts) {
    auto config = test::small_config(experts, DType::f32);
    config.vocab_size = test::kByteVocabulary;
    return frozen(config);
}

struct SimilarityFixture {
    explicit SimilarityFixture(std::vector<std::int32_t> const& experts)
        : group(MpiComm::split(MPI_COMM_WORLD, 0, 0)), config(compared_model(experts)) {
        if (group.rank() == 0) {
            test::write_byte_corpus(folder.path() / "corpus", compared_languages());
        }
        MPI_Barrier(MPI_COMM_WORLD);
        corpus.emplace(folder.path() / "corpus");
        model.emplace(
            config, test::uneven_placement(config, group.size()), group, LanguageModel::Settings{}
        );
        test::set_parameters(model->parameters(), test::random_parameters(config, 3));
    }

    test::SharedFolder folder;
    MpiComm group;
    ModelConfig config;
    std::optional<Corpus> corpus;
    std::optional<LanguageModel> model;
};

SimilarityRequest similarity_request() {
    SimilarityRequest request;
    request.new_languages = {"el", "hu"};
    request.old_languages = {"en"};
    request.text = {.split = Split::train, .tokens = 6, .longest_document = 8, .longest_row = 5};
    return request;
}

TEST(LanguageSimilarityTest, DocumentsAreTakenInOrderUntilTheTokensAreThere) {
    SimilarityFixture f({1, 1});
    auto text = similarity_request().text;
    auto const el = first_documents(*f.corpus, 0, text);
    ASSERT_EQ(el.rows.size(), 2U);  // 4 tokens, then 2 of 3
    EXPECT_EQ(el.skipped, 1);       // 9 tokens are more than 8
    EXPECT_EQ(el.rows[1].first, 13);
    EXPECT_EQ(el.rows[1].length, 3);
    EXPECT_EQ(el.rows[1].counted, 2);
    EXPECT_EQ(el.tokens, 6);
    auto const hu = first_documents(*f.corpus, 2, text);
    ASSERT_EQ(hu.rows.size(), 2U);    // 5 of 6 tokens, then 1 of 5
    EXPECT_EQ(hu.rows[0].length, 5);  // cut at the longest row
    EXPECT_EQ(hu.rows[1].counted, 1);
    text.tokens = 100;
    EXPECT_EQ(first_documents(*f.corpus, 0, text).tokens, 7);
    EXPECT_EQ(first_documents(*f.corpus, 1, text).tokens, 5 + 2 + 5);
    text.longest_document = 9;  // no longer is longer
    EXPECT_EQ(first_documents(*f.corpus, 0, text).tokens, 4 + 5 + 3);
    EXPECT_EQ(first_documents(*f.corpus, 0, text).skipped, 0);
}

// Directions of 1 layer and 2 numbers: a = (1, 0), b = (0.6, 0.8), old c = (0, 1), d = (0.8, 0.6).
//   new-new: a.b = 0.6;  new-old: a.c = 0, a.d = 0.8, b.c = 0.8, b.d = 0.96, mean 0.64
//   similarity (0.6 + 0.64) / 2 = 0.62.
TEST(LanguageSimilarityTest, MeansAreOverPairsOfLanguages) {
    std::vector<LanguageDirection> const four{
        {"a", 10, 1, 0, {1.0, 0.0}},
        {"b", 10, 1, 0, {0.6, 0.8}},
        {"c", 10, 1, 0, {0.0, 1.0}},
        {"d", 10, 1, 0, {0.8, 0.6}}};
    auto const result = compare_languages(four, 2, 1);
    EXPECT_NEAR(result.new_new.at(0), 0.6, 1e-15);
    EXPECT_NEAR(result.new_old.at(0), 0.64, 1e-15);
    EXPECT_NEAR(result.similarity.at(0), 0.62, 1e-15);
    EXPECT_NEAR(result.pairs.at(0).at(1).at(3), 0.96, 1e-15);
    EXPECT_EQ(result.pairs.at(0).at(3).at(1), result.pairs.at(0).at(1).at(3));
    // One new language has no pair of new ones: a with b, c, d gives (0.6 + 0 + 0.8) / 3.
    auto const alone = compare_languages(four, 1, 1);
    EXPECT_TRUE(alone.new_new.empty());
    EXPECT_NEAR(alone.similarity.at(0), 1.4 / 3.0, 1e-15);
    auto const json = to_json(result);
    EXPECT_EQ(json["languages"]["a"]["role"], "new");
    EXPECT_EQ(json["languages"]["d"]["role"], "old");
    EXPECT_EQ(json["tokens"], 10);
}

// The unit vectors of a document's first `counted` tokens, one at a time: [token][layer][D].
std::vector<std::vector<double>> unit_vectors(
    SimilarityFixture& f, std::int32_t language, DocumentRow const& document
) {
    std::vector<std::vector<double>> found;
    for (std::int64_t t = 0; t < document.counted; ++t) {
        auto batch = make_batch(1, document.length);
        std::vector<std::int32_t> stream(static_cast<std::size_t>(document.length));
        f.corpus->window(language, Split::train, document.first, stream);
        fill_row(batch, 0, stream, test::kByteSeparator, language);
        for (auto& target : batch.targets.view().span()) {
            target = kNoTarget;
        }
        batch.targets.data()[t] = 0;
        batch.counted_targets = 1;
        HiddenSums sums;
        f.model->evaluate(batch, {}, &sums);
        EXPECT_EQ(sums.tokens, 1);
        found.push_back(sums.unit_sum);
    }
    return found;
}

// The mean of all Q Q cosines, as LayerMoE defines it. Each is a sum of 12 products of doubles, and
// the fixed-point sums are exact to 2^-59 a document: 1e-12 leaves room.
TEST(LanguageSimilarityTest, ADotOfMeansIsTheMeanOfAllCosines) {
    for (auto const& experts : {std::vector<std::int32_t>{1, 1}, std::vector<std::int32_t>{3, 2}}) {
        SimilarityFixture f(experts);
        auto const request = similarity_request();
        auto const result = measure_similarity(*f.model, *f.corpus, request, f.group);
        ASSERT_TRUE(result.has_value());
        std::vector<std::vector<std::vector<double>>> vectors;
        for (auto const language : {0, 2, 1}) {
            vectors.emplace_back();
            for (auto const& row : first_documents(*f.corpus, language, request.text).rows) {
                auto const more = unit_vectors(f, language, row);
                vectors.back().insert(vectors.back().end(), more.begin(), more.end());
            }
            ASSERT_EQ(vectors.back().size(), 6U);
        }
        for (std::size_t layer = 0; layer < 2; ++layer) {
            for (std::size_t a = 0; a < 3; ++a) {
                for (std::size_t b = 0; b < 3; ++b) {
                    double sum = 0.0;
                    for (auto const& x : vectors[a]) {
                        for (auto const& y : vectors[b]) {
                            for (std::size_t d = 0; d < 12; ++d) {
                                sum += x[layer * 12 + d] * y[layer * 12 + d];
                            }
                        }
                    }
                    EXPECT_NEAR(result->pairs[layer][a][b], sum / 36.0, 1e-12);
                }
            }
        }
    }
}

// A dense model computes a document on one rank, whatever the others do: the bits are those that
// one rank alone finds.
TEST(LanguageSimilarityTest, AnyNumberOfRanksFindsTheSameBits) {
    SimilarityFixture f({1, 1});
    auto const together = measure_similarity(*f.model, *f.corpus, similarity_request(), f.group);
    auto const self = MpiComm::split(MPI_COMM_WORLD, f.group.rank(), 0);
    LanguageModel model(
        f.config, test::uneven_placement(f.config, 1), self, LanguageModel::Settings{}
    );
    test::set_parameters(model.parameters(), test::random_parameters(f.config, 3));
    auto const alone = measure_similarity(model, *f.corpus, similarity_request(), self);
    EXPECT_EQ(together->pairs, alone->pairs);
    EXPECT_EQ(together->similarity, alone->similarity);
}

TEST(LanguageSimilarityTest, AllFaultsAreNamedWithTheirRemedy) {
    SimilarityFixture f({1, 1});
    auto request = similarity_request();
    request.new_languages = {"el", "xx", "el"};
    request.text.tokens = 9;
    std::string found;
    try {
        measure_similarity(*f.model, *f.corpus, request, f.group);
    } catch (Error const& error) {
        EXPECT_EQ(error.code(), Exit::usage);
        found = error.what();
    }
    for (auto const* part :
         {"language el: is named twice", "language xx: is not in the corpus",
          "language el: 7 tokens found, 9 asked for; give at most --tokens 7"}) {
        EXPECT_NE(found.find(part), std::string::npos) << part << " is not in\n" << found;
    }
    request.old_languages = {};
    test::expect_error(Exit::usage, "name at least one of each", [&] {
        measure_similarity(*f.model, *f.corpus, request, f.group);
    });
}

TEST(LanguageSimilarityTest, AStopLeavesNothing) {
    SimilarityFixture f({1, 1});
    auto request = similarity_request();
    request.stop = [&] { return f.group.rank() == 0; };
    EXPECT_FALSE(measure_similarity(*f.model, *f.corpus, request, f.group).has_value());
}

}  // namespace
}  // namespace isogloss
