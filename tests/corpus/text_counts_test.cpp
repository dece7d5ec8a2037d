// corpus/text_counts_test.cpp
#include "corpus/text_counts.h"

#include <gtest/gtest.h>

namespace isogloss {
namespace {

TEST(TextCountsTest, WordsAreRunsBetweenWhiteSpace) {
    EXPECT_EQ(count_text(""), (TextCounts{}));
    EXPECT_EQ(count_text(" \t\r\n"), (TextCounts{.characters = 4}));
    EXPECT_EQ(count_text("one two\nthree "), (TextCounts{.characters = 14, .words = 3}));
    // A blank that does not break, one of East Asia, one of a typesetter: white space all.
    EXPECT_EQ(count_text("a\u00A0b\u3000c\u2009d"), (TextCounts{.characters = 7, .words = 4}));
    // A joiner of no width is no white space.
    EXPECT_EQ(count_text("a\u200Bb"), (TextCounts{.characters = 3, .words = 1}));
}

TEST(TextCountsTest, CharactersAreCodePoints) {
    EXPECT_EQ(count_text("θά ~\U0001F600"), (TextCounts{.characters = 5, .words = 2}));
}

TEST(TextCountsTest, ScriptsWithoutBlanksAreTold) {
    // Two of each: Thai, Lao, Tibetan, Myanmar, Khmer, Hiragana, Katakana, Han, Han of plane 2.
    EXPECT_EQ(
        count_text("กข ກຂ ཀཁ ကခ កខ あい アイ 大海 \U00020000\U0002F800"),
        (TextCounts{.characters = 26, .words = 9, .unspaced = 18})
    );
    // Hangul, Devanagari and Georgian have blanks.
    EXPECT_EQ(count_text("한국 हिन्दी ქართ").unspaced, 0);
    // Neighbours of the blocks' ends.
    EXPECT_EQ(count_text("\u0DFF\u10A0\u17FF\u1800\u33FF\u3400\u9FFF\uA000").unspaced, 3);
}

}  // namespace
}  // namespace isogloss
