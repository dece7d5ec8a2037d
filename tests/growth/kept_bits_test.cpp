// growth/kept_bits_test.cpp - growth before training changes no bit of rows that no router routes.
#include <gtest/gtest.h>

#include <algorithm>

#include "base/random.h"
#include "checkpoint/load.h"
#include "corpus/batch.h"
#include "growth/grow.h"
#include "model/language_model.h"
#include "support/checkpoint_fixture.h"

namespace isogloss {
namespace {

using test::SharedFolder;

class KeptBitsTest : public testing::Test {
protected:
    KeptBitsTest() : world_(MpiComm::split(MPI_COMM_WORLD, 0, 0)) {
        auto const config = test::small_config();
        test::save_origin(
            folder_ / "old", config, test::round_robin(config, world_.size()), world_
        );
        old_ = read_checkpoint(folder_ / "old");
    }

    StoredCheckpoint grow_once(
        ExpansionPlan const& plan, std::string const& from, std::string const& to
    ) {
        if (world_.rank() == 0) {
            grow(folder_ / from, plan, folder_ / to);
        }
        barrier(world_);
        return read_checkpoint(folder_ / to);
    }

    MpiComm world_;
    SharedFolder folder_;
    StoredCheckpoint old_;
};

// Rows of random tokens, the same on every rank.
Batch sample_rows(std::int64_t rows, std::uint64_t seed) {
    constexpr std::int64_t kLength = 9;
    auto batch = make_batch(rows, kLength);
    for (std::int64_t r = 0; r < rows; ++r) {
        std::vector<std::int32_t> stream;
        for (std::int64_t t = 0; t <= kLength; ++t) {
            auto const index = static_cast<std::uint64_t>(r * (kLength + 1) + t);
            stream.push_back(static_cast<std::int32_t>(random_bits(seed, 0, index) % 37));
        }
        fill_row(batch, r, stream, 0, 0);
    }
    return batch;
}

LanguageModel load(StoredCheckpoint const& checkpoint, MpiComm const& world) {
    auto const config = frozen(checkpoint.manifest.config);
    LanguageModel model(config, test::round_robin(config, world.size()), world, {});
    load_weights(checkpoint, model.parameters(), HashCheck::compare, world);
    return model;
}

TEST_F(KeptBitsTest, HardRoutedRowsKeepTheirBits) {
    ExpansionPlan plan;
    plan.layers = {{1, 2, 1}, {2, 3, 1}};
    plan.router = RouterGrowth::copy_row;
    auto before = load(old_, world_);
    auto after = load(grow_once(plan, "old", "new"), world_);
    auto const batch = sample_rows(6, 1);
    PassRouting routing;
    routing.mode = RoutingMode::hard;
    routing.rows.expert = {0, 1, 0, 1, 1, 0};
    auto const expected = before.evaluate(batch, routing).row_loss;
    EXPECT_EQ(after.evaluate(batch, routing).row_loss, expected);
    // Copies of expert 1 do what expert 1 does: layer 1 has experts 3 and 4, layer 2 has 2 to 4.
    routing.rows.expert = {0, 3, 0, 3, 3, 0};
    EXPECT_EQ(after.evaluate(batch, routing).row_loss, expected);
}

// Old classifiers are kept, so the same rows are of class 0 after growth; these must not change.
TEST_F(KeptBitsTest, RowsOfClassZeroKeepTheirBits) {
    ExpansionPlan first;
    first.layers = {{0, 1, 0}};
    first.classifiers = ClassifierPlan{.layers = {0, 1, 2}};
    auto const middle = grow_once(first, "old", "new");
    ExpansionPlan second;
    second.layers = {{0, 2, 0}, {1, 1, 0}, {2, 1, 0}};
    second.router = RouterGrowth::fresh;
    second.languages = {"bn"};
    auto const grown = grow_once(second, "new", "newer");
    auto before = load(middle, world_);
    auto after = load(grown, world_);
    PassRouting routing;
    routing.classify = true;
    routing.rows.is_old = {1};
    int found = 0;
    for (std::uint64_t seed = 0; seed < 40; ++seed) {
        auto const batch = sample_rows(1, seed);
        auto const pass = before.evaluate(batch, routing);
        bool const all_zero = std::ranges::all_of(pass.classifiers, [](auto const& counts) {
            return counts.old_class == counts.decisions && counts.decisions == 1;
        });
        if (all_zero) {
            ++found;
            EXPECT_EQ(after.evaluate(batch, routing).row_loss, pass.row_loss) << seed;
        } else {
            after.evaluate(batch, routing);  // collective, on all ranks alike
        }
    }
    EXPECT_GT(found, 0);
}

}  // namespace
}  // namespace isogloss
