// corpus/loader_test.cpp
#include "corpus/loader.h"

#include <fmt/format.h>

#include <cmath>
#include <future>
#include <iterator>
#include <memory>
#include <numeric>
#include <set>

#include "base/math.h"
#include "corpus/language_weights.h"
#include "support/byte_corpus.h"
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

std::vector<std::int32_t> stream_of(Corpus const& corpus, std::int32_t language) {
    std::vector<std::int32_t> stream(index(corpus.tokens(language, Split::train)), -1);
    corpus.window(language, Split::train, 0, stream);
    return stream;
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
        auto const stream = stream_of(corpus, draw.language);
        for (std::int64_t t = 0; t < kRowLength; ++t) {
            auto const at = static_cast<std::size_t>(draw.first + t);
            EXPECT_EQ(batch.tokens.data()[row * kRowLength + t], stream[at % stream.size()]);
            EXPECT_EQ(batch.targets.data()[row * kRowLength + t], stream[(at + 1) % stream.size()]);
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

// A stream of 7 tokens of two documents and rows of 3: row j begins at token 3 j mod 7.
TEST(LoaderTest, ARowThatReachesTheEndGoesOnAtTheBeginning) {
    TemporaryFolder const folder;
    test::write_byte_corpus(folder.path(), {{"el", {"abc", "de"}, {}}});
    Corpus const corpus(folder.path());
    RowOrder const order(Mixture({{1.0}, {7}, 3, 1, 1}));
    std::vector<std::int32_t> const ring{256, 'a', 'b', 'c', 256, 'd', 'e', 256, 'a', 'b'};
    std::int64_t wrapped = 0;
    for (std::int64_t step = 0; step < 14; ++step) {
        auto const first = index(order.draw(step, 0).first);
        auto const batch = read_rows(corpus, order, step, std::vector<std::int64_t>{0});
        EXPECT_EQ(values(batch.tokens), std::vector(&ring[first], &ring[first] + 3)) << first;
        EXPECT_EQ(values(batch.targets), std::vector(&ring[first + 1], &ring[first] + 4)) << first;
        wrapped += first > 3 ? 1 : 0;
    }
    EXPECT_EQ(wrapped, 6);  // 14 rows are six epochs of 7: each of the seven begins twice
}

// The rows of `steps` steps from `first` on, as `ranks` loaders deliver them.
void read_on(
    Corpus const& corpus,
    RowOrder const& order,
    std::int64_t ranks,
    Range steps,
    std::vector<std::int32_t>& tokens
) {
    std::vector<std::unique_ptr<Loader>> loaders;
    for (std::int64_t rank = 0; rank < ranks; ++rank) {
        auto plan = slice_plan({order.rows() / 2, 2}, ranks, rank, steps.begin);
        loaders.push_back(std::make_unique<Loader>(corpus, order, std::move(plan)));
    }
    for (auto part = 2 * steps.begin; part < 2 * steps.end; ++part) {
        for (auto& loader : loaders) {
            auto const batch = loader->next();
            ASSERT_EQ(batch.step, part / 2);
            ASSERT_EQ(batch.micro_batch, part % 2);
            std::ranges::copy(values(batch.targets), std::back_inserter(tokens));
        }
    }
}

// A job of 8 ranks that goes on with 2 and again with 8, each from the step where the other ended.
// Targets are distinct numbers, so the whole stream of them shows what was repeated or skipped.
TEST(LoaderTest, MovingFrom8RanksTo2AndBackSkipsAndRepeatsNothing) {
    TemporaryFolder const folder;
    // 224 bytes from 32 on, each once: with the separator a stream of 225 different tokens.
    std::string letters;
    for (int byte = 32; byte < 256; ++byte) {
        letters.push_back(static_cast<char>(byte));
    }
    test::write_byte_corpus(folder.path(), {{"el", {letters}, {}}});
    Corpus const corpus(folder.path());
    RowOrder const order(Mixture({{1.0}, {225}, 5, 20, 3}));  // 45 rows an epoch: 9 steps are four
    std::vector<std::int32_t> moved;
    read_on(corpus, order, 8, {0, 2}, moved);
    read_on(corpus, order, 2, {2, 5}, moved);
    read_on(corpus, order, 8, {5, 9}, moved);
    std::vector<std::int32_t> alone;
    read_on(corpus, order, 1, {0, 9}, alone);
    EXPECT_EQ(moved, alone);
    for (std::size_t epoch = 0; epoch < 4; ++epoch) {
        auto const begin = moved.begin() + static_cast<std::ptrdiff_t>(epoch) * 225;
        EXPECT_EQ(std::set(begin, begin + 225).size(), 225U) << epoch;
    }
}

// What the mapping promised must be there: a file that shrank would be a bus error when it is read.
TEST(LoaderTest, AFileThatWasCutShortIsRefusedByName) {
    TemporaryFolder const folder;
    test::write_byte_corpus(
        folder.path(), {{"el", {std::string(20000, 'a')}, {}}, {"en", {"text"}, {}}}
    );
    auto const file = folder / "el.h5";
    std::filesystem::resize_file(file, std::filesystem::file_size(file) - 1);
    expect_error(Exit::data, "el.h5: has", [&] {
        Corpus const corpus(folder.path());
        auto const order = RowOrder(Mixture({{1.0, 0.0}, {20001, 0}, kRowLength, 1, 1}));
        read_rows(corpus, order, 0, std::vector<std::int64_t>{0});
    });
}

// 128 languages of which the last has one token, the one before fewer than a row, and the others
// shares down to one row in 10^7: a run that never comes to the rare ones reads all the same.
TEST(LoaderTest, RareShortAndEmptyLanguagesDoNoHarm) {
    TemporaryFolder const folder;
    std::vector<test::ByteLanguage> languages;
    MixtureConfig config;
    for (int i = 0; i < 128; ++i) {
        auto const length = i == 127 ? 0U : i == 126 ? 10U : 200U;
        languages.push_back(
            {fmt::format("x{}{}", static_cast<char>('a' + i / 26), static_cast<char>('a' + i % 26)),
             {std::string(length, 'a')},
             {}}
        );
        config.tokens.push_back(static_cast<std::int64_t>(length) + 1);
        config.weights.push_back(i == 126 ? 0.25 : i == 127 ? 0.0 : std::pow(0.85, i));
    }
    test::write_byte_corpus(folder.path(), languages);
    Corpus const corpus(folder.path());
    config.row_length = kRowLength;
    config.rows = 8;
    RowOrder const order{Mixture(config)};
    Loader loader(corpus, order, slice_plan({8, 1}, 1, 0, 0));
    std::vector<std::int64_t> rows(128, 0);
    for (int step = 0; step < 100; ++step) {
        auto const batch = loader.next();
        std::int64_t short_rows = 0;
        for (auto const language : batch.language) {
            ++rows[index(language)];
            short_rows += language == 126 ? 1 : 0;
        }
        EXPECT_EQ(batch.counted_targets, (8 - short_rows) * kRowLength + short_rows * 10);
    }
    EXPECT_GT(rows[0], 50);
    EXPECT_GT(rows[126], 10);
    EXPECT_EQ(rows[125], 0);
    EXPECT_EQ(rows[127], 0);
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

TEST(LoaderTest, SaysThatASlowDiskHasNotGivenTheNextBatch) {
    TemporaryFolder const folder;
    Corpus const corpus(test::small_corpus(folder));
    auto const order = order_of(corpus, 8);
    std::promise<void> disk;
    auto const answers = disk.get_future().share();
    Loader loader(corpus, order, {.rows = [answers](std::int64_t, std::int64_t) {
                      answers.wait();
                      return std::vector<std::int64_t>{0, 1};
                  }});
    EXPECT_FALSE(loader.is_ready_within(0.05));
    EXPECT_GE(loader.seconds_waited(), 0.05);
    disk.set_value();
    EXPECT_TRUE(loader.is_ready_within(60.0));
    EXPECT_EQ(loader.next().rows, 2);
}

TEST(LoaderTest, AFaultOfTheThreadIsNoReasonToWait) {
    TemporaryFolder const folder;
    Corpus const corpus(test::small_corpus(folder));
    auto const order = order_of(corpus, 8);
    Loader loader(
        corpus, order, {.rows = [](std::int64_t, std::int64_t) -> std::vector<std::int64_t> {
            throw Error(Exit::data, "the disk is gone");
        }}
    );
    EXPECT_TRUE(loader.is_ready_within(60.0));
    expect_error(Exit::data, "the disk is gone", [&] { static_cast<void>(loader.next()); });
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
