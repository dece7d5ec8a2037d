// corpus/added_tokens_test.cpp
#include "corpus/added_tokens.h"

#include <gtest/gtest.h>

namespace isogloss {
namespace {

std::string spans(AddedTokens const& tokens, std::string const& text) {
    std::vector<TextSpan> found;
    tokens.split(text, TextSpan::kText, found);
    std::string result;
    for (auto const& span : found) {
        result += span.id == TextSpan::kText ? "" : std::to_string(span.id) + ":";
        result += text.substr(span.begin, span.end - span.begin) + "|";
    }
    return result;
}

AddedTokens only(AddedToken const& token) {
    AddedTokens tokens;
    tokens.add(token, token.content);
    return tokens;
}

TEST(AddedTokensTest, TheLongestOfTheLeftmostIsFound) {
    AddedTokens tokens;
    std::int32_t id = 0;
    for (auto const* content : {"ab", "abcd", "bcde", "c"}) {
        tokens.add({.content = content, .id = id++}, content);
    }
    EXPECT_EQ(spans(tokens, "xabcde"), "x|1:abcd|e|");
    EXPECT_EQ(spans(tokens, "abcx"), "0:ab|3:c|x|");
    EXPECT_EQ(spans(tokens, ""), "");
    EXPECT_EQ(spans(AddedTokens(), "ab"), "ab|");
}

TEST(AddedTokensTest, OfTwoWithOneFormTheFirstCounts) {
    AddedTokens tokens;
    tokens.add({.content = "A", .id = 5}, "a");
    tokens.add({.content = "a", .id = 3}, "a");
    EXPECT_EQ(spans(tokens, "a"), "5:a|");
}

TEST(AddedTokensTest, SingleWordsStandAlone) {
    auto const tokens = only({.content = "the", .id = 1, .single_word = true});
    EXPECT_EQ(
        spans(tokens, "the bathe the. th\u00E9 the\u0301 (the)"),
        "1:the| bathe |1:the|. th\u00E9 the\u0301 (|1:the|)|"
    );
    // Letters and digits of several bytes on either side, and signs of several bytes.
    EXPECT_EQ(
        spans(tokens, "\u00E9the the\u0661 the\u4E00 \u2014the\u2014 _the the_"),
        "\u00E9the the\u0661 the\u4E00 \u2014|1:the|\u2014 _the the_|"
    );
}

TEST(AddedTokensTest, BlanksGoAlongOnTheSideThatTakesThem) {
    EXPECT_EQ(
        spans(only({.content = "m", .id = 1, .lstrip = true}), "a \u3000m m b"),
        "a|1: \u3000m|1: m| b|"
    );
    EXPECT_EQ(
        spans(only({.content = "m", .id = 1, .rstrip = true}), "am \n\tb m "), "a|1:m \n\t|b |1:m |"
    );
}

TEST(AddedTokensTest, AHiddenTokenIsText) {
    std::vector<TextSpan> found;
    only({.content = "m", .id = 1}).split("ama", 1, found);
    ASSERT_EQ(found.size(), 1U);
    EXPECT_EQ(found[0].end, 3U);
}

}  // namespace
}  // namespace isogloss
