// train/tally_test.cpp - sums by hand, over micro-batches and ranks.
#include "train/tally.h"
#include "support/all_ranks.h"

#include <gtest/gtest.h>

namespace isogloss {
namespace {

// Two layers: dense, then three experts with a router.
ModelConfig two_layers() {
    ModelConfig config;
    config.layers.resize(2);
    config.layers[1].experts.resize(3);
    return config;
}

Batch batch_of_languages(std::vector<std::int32_t> languages) {
    auto batch = make_batch(static_cast<std::int64_t>(languages.size()), 1);
    batch.language = std::move(languages);
    return batch;
}

TEST(TallyTest, IsEmptyAtFirst) {
    StepTally const tally(two_layers(), {"el", "hu", "tr"});
    EXPECT_EQ(tally.loss(), 0.0);
    EXPECT_EQ(tally.targets(), 0.0);
    EXPECT_EQ(tally.balance_loss(), 0.0);
    EXPECT_EQ(tally.imbalance(), 0.0);
    EXPECT_EQ(tally.router_losses().priors, 0.0);
    EXPECT_EQ(tally.classifier_accuracy(), 0.0);
    EXPECT_EQ(tally.language_loss(), Json::object());
    EXPECT_EQ(tally.languages_seen(), "");
}

// Every rank adds the same two micro-batches, so sums are P times those of one, means the same.
TEST(TallyTest, SumsAreThoseByHand) {
    auto const group = test::all_ranks();
    StepTally tally(two_layers(), {"el", "hu", "tr"});
    tally.add(
        batch_of_languages({0, 2}),
        {{6.0, 1.0}, {4, 1}, 1.5, {0.5, 0.25, 0.125}, {{}, {5, 1, 4}}, {{}, {4, 1, 2}}}
    );
    tally.add(
        batch_of_languages({2}),
        {{3.0}, {3}, 0.5, {0.25, 0.25, 0.5}, {{}, {0, 3, 3}}, {{2, 2, 0}, {4, 3, 0}}}
    );
    tally.reduce(group);

    EXPECT_EQ(tally.targets(), 8.0 * group.size());
    EXPECT_EQ(tally.loss(), 10.0 / 8.0);
    EXPECT_EQ(tally.balance_loss(), 1.0);  // already of the global micro-batch: not summed
    // Each rank's part of a mean: the sum over ranks and micro-batches is the mean.
    EXPECT_EQ(tally.router_losses().classification, 0.75 * group.size());
    EXPECT_EQ(tally.router_losses().priors, 0.5 * group.size());
    EXPECT_EQ(tally.router_losses().classifier, 0.625 * group.size());
    EXPECT_EQ(tally.classifier_accuracy(), 6.0 / 10.0);  // 1 of 4, 2 of 2, 3 of 4
    // Experts have 5, 4 and 7 of 16 tokens: the largest is 7 over a mean of 16/3.
    EXPECT_DOUBLE_EQ(tally.imbalance(), 7.0 * 3.0 / 16.0);
    EXPECT_EQ(tally.language_loss(), (Json{{"el", 1.5}, {"tr", 1.0}}));
    Json const shares{{"1", Json::array({5.0 / 16, 4.0 / 16, 7.0 / 16})}};
    EXPECT_EQ(tally.expert_shares(), shares);
    EXPECT_EQ(tally.languages_seen(), "el, tr");
}

// Rank r adds one row of language r: the sums have all of them.
TEST(TallyTest, RanksWithDifferentRowsAddUp) {
    auto const group = test::all_ranks();
    StepTally tally(two_layers(), {"a", "b", "c"});
    auto const rank = group.rank();
    tally.add(
        batch_of_languages({rank % 3}),
        {{1.0 + rank}, {1}, 0.25, {}, {{}, {rank == 0 ? 2 : 0, 0, 1}}, {}}
    );
    tally.reduce(group);
    for (int r = 0; r < group.size(); ++r) {
        auto const tag = std::string(1, static_cast<char>('a' + r));
        EXPECT_EQ(tally.language_loss()[tag], 1.0 + r);
    }
    EXPECT_EQ(static_cast<int>(tally.language_loss().size()), group.size());
    auto const choices = 2.0 + group.size();
    EXPECT_EQ(tally.expert_shares()["1"][0], 2.0 / choices);
    EXPECT_EQ(tally.expert_shares()["1"][2], group.size() / choices);
}

TEST(TallyTest, AnEmptyBatchAddsOnlyItsBalance) {
    auto const group = test::all_ranks();
    StepTally tally(two_layers(), {"el"});
    tally.add(batch_of_languages({}), {{}, {}, 0.75, {}, {{}, {0, 0, 0}}, {}});
    tally.reduce(group);
    EXPECT_EQ(tally.targets(), 0.0);
    EXPECT_EQ(tally.loss(), 0.0);
    EXPECT_EQ(tally.imbalance(), 0.0);
    EXPECT_EQ(tally.router_losses().priors, 0.0);
    EXPECT_EQ(tally.classifier_accuracy(), 0.0);
    EXPECT_EQ(tally.balance_loss(), 0.75);
}

TEST(TallyTest, ClearForgetsAll) {
    StepTally tally(two_layers(), {"el"});
    tally.add(
        batch_of_languages({0}), {{6.0}, {4}, 1.5, {0.5, 0.5, 0.5}, {{}, {5, 1, 4}}, {{4, 1, 2}}}
    );
    tally.clear();
    EXPECT_EQ(tally.targets(), 0.0);
    EXPECT_EQ(tally.balance_loss(), 0.0);
    EXPECT_EQ(tally.imbalance(), 0.0);
    EXPECT_EQ(tally.router_losses().priors, 0.0);
    EXPECT_EQ(tally.classifier_accuracy(), 0.0);
}

}  // namespace
}  // namespace isogloss
