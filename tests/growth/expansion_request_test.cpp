// growth/expansion_request_test.cpp
#include "growth/expansion_request.h"

#include <gtest/gtest.h>

#include "support/checkpoint_fixture.h"
#include "support/expect_error.h"

namespace isogloss {
namespace {

using test::expect_error;

// Layers of 1, 3 and 2 experts.
std::vector<std::int32_t> counts_of(ExpansionRequest const& request) {
    ExpansionPlan plan;
    complete(plan, request, test::small_config());
    std::vector<std::int32_t> counts(3, 0);
    for (auto const& layer : plan.layers) {
        counts.at(static_cast<std::size_t>(layer.layer)) = layer.new_experts;
    }
    return counts;
}

using Counts = std::vector<std::int32_t>;

class ExpansionRequestTest : public testing::Test {
protected:
    std::filesystem::path file(std::string const& text) {
        auto const path = folder_ / ("file" + std::to_string(++files_) + ".json");
        test::write_content(path, text);
        return path;
    }

private:
    test::TemporaryFolder folder_;
    int files_ = 0;
};

TEST_F(ExpansionRequestTest, OneNumberIsForTheLayersThatAreChosen) {
    EXPECT_EQ(counts_of({.experts = {2}}), (Counts{2, 2, 2}));
    EXPECT_EQ(counts_of({.experts = {2}, .layers = "routed"}), (Counts{0, 2, 2}));
    EXPECT_EQ(counts_of({.experts = {2}, .layers = "0,2"}), (Counts{2, 0, 2}));
    EXPECT_EQ(counts_of({.experts = {3, 0, 1}}), (Counts{3, 0, 1}));
}

// Layers of 1, 3 and 2 experts are to have 3, 4 and 5; or it is said outright what is added.
TEST_F(ExpansionRequestTest, AnAllocationGivesTheNewExperts) {
    EXPECT_EQ(counts_of({.allocation = file(R"({"experts": [3, 4, 5]})")}), (Counts{2, 1, 3}));
    EXPECT_EQ(
        counts_of({.allocation = file(R"({"experts": [3, 4, 5], "added": [2, 3, 4]})")}),
        (Counts{2, 3, 4})
    );
    expect_error(Exit::usage, "layer 1 is to have 2 experts: the model has 3", [&] {
        counts_of({.allocation = file(R"({"experts": [3, 2, 5]})")});
    });
    expect_error(Exit::usage, "is for 2 layers: the model has 3", [&] {
        counts_of({.allocation = file(R"({"experts": [3, 3]})")});
    });
    expect_error(Exit::data, "must be at least 1", [&] {
        counts_of({.allocation = file(R"({"experts": [3, 0, 5]})")});
    });
}

TEST_F(ExpansionRequestTest, TheBestExpertIsCopiedWhereThereIsARouter) {
    ExpansionPlan plan;
    ExpansionRequest const request{.experts = {1}, .source_from = file(R"({"best": 1})")};
    complete(plan, request, test::small_config());
    ASSERT_EQ(plan.layers.size(), 2U);
    for (auto const& layer : plan.layers) {
        EXPECT_EQ(layer.source_expert, 1);
        EXPECT_NE(layer.layer, 0);
    }
}

TEST_F(ExpansionRequestTest, ClassifiersAreNamedOrTheMostSimilar) {
    auto const layers_of = [&](std::string const& words, std::filesystem::path const& similarity) {
        ExpansionPlan plan;
        complete(
            plan, {.experts = {1}, .classifiers = words, .similarity = similarity},
            test::small_config()
        );
        return plan.classifiers ? plan.classifiers->layers : Counts{-1};
    };
    EXPECT_EQ(layers_of("", ""), Counts{-1});
    EXPECT_EQ(layers_of("none", ""), Counts{});
    EXPECT_EQ(layers_of("1-2", ""), (Counts{1, 2}));
    auto const similarity = file(R"({"new_old": [0.2, 0.7, 0.7], "similarity": [0.9, 0.1, 0.1]})");
    EXPECT_EQ(layers_of("top:1", similarity), Counts{1});
    EXPECT_EQ(layers_of("top:2", similarity), (Counts{1, 2}));
    expect_error(Exit::usage, "K must be a whole number in [1, 3]", [&] {
        layers_of("top:4", similarity);
    });
    // A layer that stays dense has nothing to choose, however alike its languages are.
    ExpansionPlan plan;
    complete(
        plan,
        {.experts = {0, 1, 1},
         .classifiers = "top:1",
         .similarity = file(R"({"new_old": [0.9, 0.1, 0.2]})")},
        test::small_config()
    );
    EXPECT_EQ(plan.classifiers->layers, Counts{2});
    expect_error(Exit::usage, "needs similarity", [&] { layers_of("top:1", ""); });
}

TEST_F(ExpansionRequestTest, AllFaultsAreListedAtOnce) {
    ExpansionRequest const request{
        .experts = {1, 2}, .layers = "", .source = {0, 0, 0, 0}, .classifiers = "9"};
    std::string found;
    try {
        counts_of(request);
    } catch (Error const& error) {
        EXPECT_EQ(error.code(), Exit::usage);
        found = error.what();
    }
    for (auto const* part :
         {"3 faults", "experts has 2 numbers", "source has 4 numbers", "there is no layer 9"}) {
        EXPECT_NE(found.find(part), std::string::npos) << part << " is not in\n" << found;
    }
    expect_error(Exit::usage, "experts: is missing", [] { counts_of({}); });
}

}  // namespace
}  // namespace isogloss
