// train/strided_text_test.cpp - documents in one stream, and the windows that read it.
#include "train/strided_text.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <numeric>

#include "support/byte_corpus.h"
#include "support/temporary_folder.h"

namespace isogloss {
namespace {

std::vector<std::int32_t> counting(std::int64_t size) {
    std::vector<std::int32_t> tokens(static_cast<std::size_t>(size));
    std::iota(tokens.begin(), tokens.end(), 100);
    return tokens;
}

StridedConfig windows_of(std::int64_t window, std::int64_t stride) {
    StridedConfig config;
    config.window = window;
    config.stride = stride;
    return config;
}

TEST(RandomDocumentsTest, ThereAreAsManyAsAskedForAndNoneTwice) {
    for (std::int64_t const wanted : {0, 1, 7, 40, 41}) {
        auto chosen = random_documents(40, wanted, 0);
        EXPECT_EQ(chosen.size(), std::min<std::size_t>(static_cast<std::size_t>(wanted), 40));
        std::ranges::sort(chosen);
        EXPECT_EQ(std::ranges::adjacent_find(chosen), chosen.end());
        EXPECT_TRUE(std::ranges::all_of(chosen, [](auto i) { return 0 <= i && i < 40; }));
    }
    EXPECT_TRUE(random_documents(0, 5, 0).empty());
}

TEST(RandomDocumentsTest, LanguagesShareTheOrderWhateverTheirSizes) {
    auto const large = random_documents(1000, 1000, 3);
    for (std::int64_t const size : {1, 2, 17, 500}) {
        auto expected = large;
        std::erase_if(expected, [&](std::int64_t i) { return i >= size; });
        EXPECT_EQ(random_documents(size, size, 3), expected) << size;
    }
    EXPECT_FALSE(std::ranges::is_sorted(large));
    EXPECT_NE(random_documents(1000, 1000, 4), large);
}

class JoinTest : public testing::Test {
protected:
    JoinTest() {
        test::write_byte_corpus(folder_ / "corpus", {{"el", {"x"}, texts_}, {"hu", {"x"}, {}}});
    }
    // Bytes of the documents in their random order, `joint` between them and `first` before.
    [[nodiscard]] std::vector<std::int32_t> expected(
        std::vector<std::int32_t> const& first, std::vector<std::int32_t> const& joint
    ) const {
        std::vector<std::int32_t> tokens = first;
        for (auto const document : random_documents(3, 2, 0)) {
            if (tokens.size() > first.size()) {
                tokens.insert(tokens.end(), joint.begin(), joint.end());
            }
            for (char const byte : texts_[static_cast<std::size_t>(document)]) {
                tokens.push_back(static_cast<unsigned char>(byte));
            }
        }
        return tokens;
    }
    [[nodiscard]] JoinedText join(Joint joint, std::int32_t language) const {
        StridedConfig config;
        config.documents = 2;
        config.joint = joint;
        return join_documents(Corpus(folder_ / "corpus"), language, Split::valid, config);
    }

    std::vector<std::string> texts_{"abc", "de", "\xC3\xA9"};
    test::TemporaryFolder folder_;
};

TEST_F(JoinTest, SeparatorsStayAsStored) {
    auto const joined = join(Joint::separator, 0);
    EXPECT_EQ(joined.tokens, expected({test::kByteSeparator}, {test::kByteSeparator}));
    EXPECT_EQ(joined.documents, 2);
    EXPECT_EQ(joined.bytes_of_text, static_cast<double>(joined.tokens.size() - 2));
}

TEST_F(JoinTest, BlankLinesStandBetweenDocumentsOnly) {
    auto const joined = join(Joint::blank_line, 0);
    EXPECT_EQ(joined.tokens, expected({}, {'\n', '\n'}));
    EXPECT_EQ(joined.bytes_of_text, static_cast<double>(joined.tokens.size()));
}

TEST_F(JoinTest, ALanguageWithoutDocumentsIsEmpty) {
    auto const joined = join(Joint::blank_line, 1);
    EXPECT_TRUE(joined.tokens.empty());
    EXPECT_EQ(joined.bytes_of_text, 0.0);
    EXPECT_EQ(StridedWindows(joined.tokens, windows_of(4, 2), 1).rows(), 0);
}

// Every token but the first is a target once, as the next of its input, with the context that the
// definition gives it.
TEST(StridedWindowsTest, EachTokenIsPredictedOnceWithItsContext) {
    for (auto const& [window, stride] : {std::pair(4, 2), {5, 2}, {5, 4}, {2, 1}, {9, 1}}) {
        for (std::int64_t size = 0; size < 24; ++size) {
            StridedWindows const windows(counting(size), windows_of(window, stride), 3);
            std::vector<int> seen(static_cast<std::size_t>(size), 0);
            for (std::int64_t row = 0; row < windows.rows(); ++row) {
                auto const batch = windows.read(row, 1);
                ASSERT_EQ(batch.rows, 1);
                ASSERT_EQ(batch.language, std::vector<std::int32_t>{3});
                std::int64_t counted = 0;
                for (std::int64_t t = 0; t < batch.row_length; ++t) {
                    EXPECT_EQ(batch.position.data()[t], t);
                    EXPECT_EQ(batch.document_start.data()[t], 0);
                    EXPECT_EQ(batch.tokens.data()[t], 100 + row * stride + t);
                    auto const target = batch.targets.data()[t];
                    if (target == kNoTarget) {
                        continue;
                    }
                    EXPECT_EQ(target, batch.tokens.data()[t] + 1);
                    ++seen[static_cast<std::size_t>(target - 100)];
                    ++counted;
                    auto const context = t + 1;  // tokens before the target in its window
                    EXPECT_GE(context, row == 0 ? 1 : window - stride);
                }
                EXPECT_EQ(batch.counted_targets, counted);
                EXPECT_GT(counted, 0) << window << " " << stride << " " << size;
            }
            for (std::int64_t i = 0; i < size; ++i) {
                EXPECT_EQ(seen[static_cast<std::size_t>(i)], i > 0 ? 1 : 0) << size << " " << i;
            }
        }
    }
}

TEST(StridedWindowsTest, OnlyTheLastMayBeShort) {
    // 4 tokens, 2 apart: [0, 4) [2, 6) [4, 7)
    StridedWindows const windows(counting(7), windows_of(4, 2), 0);
    EXPECT_EQ(windows.rows(), 3);
    EXPECT_EQ(windows.full_rows(), 2);
    EXPECT_EQ(windows.read(0, 2).row_length, 3);
    EXPECT_EQ(windows.read(2, 1).row_length, 2);
    EXPECT_EQ(windows.read(2, 1).counted_targets, 1);
    StridedWindows const even(counting(6), windows_of(4, 2), 0);
    EXPECT_EQ(even.rows(), 2);
    EXPECT_EQ(even.full_rows(), 2);
    StridedWindows const shorter(counting(3), windows_of(4, 2), 0);
    EXPECT_EQ(shorter.rows(), 1);
    EXPECT_EQ(shorter.full_rows(), 0);
    EXPECT_EQ(shorter.read(1, 0).rows, 0);  // a rank without a window
}

}  // namespace
}  // namespace isogloss
