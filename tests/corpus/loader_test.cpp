// corpus/loader_test.cpp
#include "corpus/loader.h"

#include <numeric>

#include "support/expect_error.h"
#include "support/small_corpus.h"

namespace isogloss {
namespace {

using test::expect_error;
using test::TemporaryFolder;

constexpr std::int64_t kRowLength = 32;

RowOrder order_of(Corpus const& corpus, std::int64_t rows) {
    std::vector<std::int64_t> tokens;
    for (auto const& record : corpus.languages()) {
        tokens.push_back(record.counts(Split::train).tokens);
    }
    return RowOrder(Mixture({temperature_weights(tokens, 2.0), tokens, kRowLength, rows, 5}));
}

std::vector<std::int32_t> values(Buffer<std::int32_t> const& buffer) {
    auto const all = buffer.view().span();
    return {all.begin(), all.end()};
}

TEST(LoaderTest, RowsAreTheStreamsWindows) {
    TemporaryFolder const folder;
    Corpus const corpus(test::small_corpus(folder));
    auto const order = order_of(corpus, 8);
    auto const batch = read_rows(corpus, order, 3, std::vector<std::int64_t>{5, 1});
    ASSERT_EQ(batch.rows, 2);
    for (std::int64_t row = 0; row < 2; ++row) {
        auto const draw = order.draw(3, row == 0 ? 5 : 1);
        EXPECT_EQ(batch.language[static_cast<std::size_t>(row)], draw.language);
        std::vector<std::int32_t> stream(kRowLength + 1, -1);
        corpus.window(draw.language, Split::train, draw.first, stream);
        for (std::int64_t t = 0; t < kRowLength; ++t) {
            auto const at = static_cast<std::size_t>(t);
            EXPECT_EQ(batch.tokens.data()[row * kRowLength + t], stream[at]);
            EXPECT_EQ(batch.targets.data()[row * kRowLength + t], stream[at + 1]);
        }
    }
    EXPECT_EQ(batch.counted_targets, 2 * kRowLength);
}

TEST(LoaderTest, AnyNumberOfRanksReadsTheSameRows) {
    TemporaryFolder const folder;
    Corpus const corpus(test::small_corpus(folder));
    constexpr std::int64_t kRows = 10;
    auto const order = order_of(corpus, kRows);
    std::vector<std::int64_t> all(kRows);
    std::iota(all.begin(), all.end(), 0);
    for (std::int64_t const ranks : {1, 2, 3, 9}) {
        std::vector<std::vector<std::int32_t>> joined(4);  // two steps of two micro-batches
        for (std::int64_t rank = 0; rank < ranks; ++rank) {
            Loader loader(corpus, order, slice_plan({kRows / 2, 2}, ranks, rank, 10));
            for (std::size_t i = 0; i < 4; ++i) {
                auto const batch = loader.next();
                EXPECT_EQ(batch.step, 10 + static_cast<std::int64_t>(i) / 2);
                EXPECT_EQ(batch.micro_batch, static_cast<std::int64_t>(i) % 2);
                auto const tokens = values(batch.tokens);
                joined[i].insert(joined[i].end(), tokens.begin(), tokens.end());
            }
        }
        for (std::size_t step = 0; step < 2; ++step) {
            auto found = joined[2 * step];
            std::ranges::copy(joined[2 * step + 1], std::back_inserter(found));
            auto const whole = read_rows(corpus, order, 10 + static_cast<std::int64_t>(step), all);
            EXPECT_EQ(found, values(whole.tokens)) << ranks << " ranks, step " << step;
        }
    }
}

TEST(LoaderTest, TheRanksTogetherReadEachSliceOnce) {
    for (std::int64_t ranks : {1, 2, 3, 4, 9}) {
        for (std::int64_t micro_batch = 0; micro_batch < 3; ++micro_batch) {
            std::vector<std::int64_t> rows;
            for (std::int64_t rank = 0; rank < ranks; ++rank) {
                auto const plan = slice_plan({4, 3}, ranks, rank, 5);
                EXPECT_EQ(plan.first_step, 5);
                EXPECT_EQ(plan.micro_batches, 3);
                auto const part = plan.rows(9, micro_batch);
                EXPECT_GE(static_cast<std::int64_t>(part.size()), 4 / ranks);
                EXPECT_LE(static_cast<std::int64_t>(part.size()), (4 + ranks - 1) / ranks);
                rows.insert(rows.end(), part.begin(), part.end());
            }
            auto const first = 4 * micro_batch;
            EXPECT_EQ(rows, (std::vector{first, first + 1, first + 2, first + 3}))
                << ranks << " ranks";
        }
    }
}

TEST(LoaderTest, FaultOfTheThreadReachesTheCaller) {
    TemporaryFolder const folder;
    Corpus const corpus(test::small_corpus(folder));
    auto const order = order_of(corpus, 4);
    Loader loader(
        corpus, order,
        {.first_step = 0,
         .micro_batches = 1,
         .rows =
             [](std::int64_t step, auto) {
                 require_data(step < 2, "step {} cannot be read", step);
                 return std::vector<std::int64_t>{0};
             }}
    );
    EXPECT_EQ(loader.next().step, 0);
    EXPECT_EQ(loader.next().step, 1);
    expect_error(Exit::data, "step 2 cannot", [&] { loader.next(); });
    expect_error(Exit::data, "step 2 cannot", [&] { loader.next(); });
}

TEST(LoaderTest, EndsAtOnceWhetherUsedOrNot) {
    TemporaryFolder const folder;
    Corpus const corpus(test::small_corpus(folder));
    auto const order = order_of(corpus, 4);
    for (int i = 0; i < 50; ++i) {
        Loader unused(corpus, order, slice_plan({4, 1}, 1, 0, 0));
        Loader used(corpus, order, slice_plan({4, 1}, 1, 0, i));
        EXPECT_EQ(used.next().step, i);
    }
}

TEST(ValidationSetTest, EveryTokenIsPredictedOnce) {
    TemporaryFolder const folder;
    Corpus const corpus(test::small_corpus(folder));
    for (std::int32_t language = 0; language < 3; ++language) {
        auto const length = corpus.tokens(language, Split::valid);
        ASSERT_GT(length, kRowLength);
        std::vector<std::int32_t> stream(static_cast<std::size_t>(length), -1);
        corpus.window(language, Split::valid, 0, stream);
        ValidationSet const set(corpus, language, Split::valid, kRowLength);
        std::vector<std::int32_t> predicted;
        std::int64_t counted = 0;
        for (std::int64_t first = 0; first < set.rows() + 6; first += 3) {
            auto const batch = set.read(first, 3);
            counted += batch.counted_targets;
            std::ranges::copy_if(
                values(batch.targets), std::back_inserter(predicted),
                [](auto target) { return target != kNoTarget; }
            );
        }
        stream.erase(stream.begin());
        EXPECT_EQ(predicted, stream);
        EXPECT_EQ(counted, length - 1);
    }
}

}  // namespace
}  // namespace isogloss
