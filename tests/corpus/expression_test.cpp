// corpus/expression_test.cpp
#include "corpus/expression.h"

#include "corpus/expression_syntax.h"
#include "support/expect_error.h"

namespace isogloss {
namespace {

using test::expect_error;

// The matches as one text, with a bar after each.
std::string matches(std::string const& pattern, std::string const& text) {
    std::vector<TextRange> found;
    Expression(pattern, "test").find_all(text, found);
    std::string result;
    for (auto const& range : found) {
        result += text.substr(range.begin, range.end - range.begin) + "|";
    }
    return result;
}

TEST(ExpressionTest, BlanksAreUnicodesWhiteSpace) {
    // U+180E was a blank once; U+200B never was.
    EXPECT_EQ(matches(R"([^\S]+)", "a \tb"), " \t|");
    EXPECT_EQ(matches(R"(\S+)", "a\u180Eb\u200Bc\u00A0d\u3000e\u0085f"), "a\u180Eb\u200Bc|d|e|f|");
}

TEST(ExpressionTest, WordsHaveMarksAndNumbers) {
    EXPECT_EQ(matches(R"(\w+)", "e\u0301a_1\u00B2-x"), "e\u0301a_1\u00B2|x|");
    EXPECT_EQ(matches(R"(\W)", "a-b"), "-|");
    EXPECT_EQ(matches(R"(\bna)", "na\u0301na na"), "na|na|");
}

TEST(ExpressionTest, RubyReadsSomeThingsInItsOwnWay) {
    EXPECT_EQ(matches(R"(\h+)", "xyz09afG"), "09af|");
    EXPECT_EQ(matches(R"(a{2}+)", "aaaaa"), "aaaa|");    // pairs, again and again
    EXPECT_EQ(matches(R"(a{,2}b)", "aaab"), "aab|");     // from 0 on
    EXPECT_EQ(matches(R"(a++b|a)", "aab a"), "aab|a|");  // possessive
    EXPECT_EQ(matches(R"(x$)", "x\nx"), "x|x|");         // at the end of each line
    EXPECT_EQ(matches(R"(^.)", "ab\ncd"), "a|c|");
    EXPECT_EQ(matches(R"((?m:a.b))", "a\nb"), "a\nb|");
    EXPECT_EQ(matches(R"(a.b)", "a\nb"), "");
    EXPECT_EQ(matches(R"(\u0061\x{62}\x63)", "abc"), "abc|");
    EXPECT_EQ(matches("a{b", "a{b"), "a{b|");
}

TEST(ExpressionTest, SetsMayHoldSets) {
    EXPECT_EQ(matches(R"( ?[^(\s|[.,!?]x)]+)", "ab c|d.e(fxg"), "ab| c|d|e|f|g|");
    EXPECT_EQ(matches(R"([[:alpha:]_]+)", "a\u03B2_1"), "a\u03B2_|");
    EXPECT_EQ(matches(R"([a\-z\]]+)", "a-z]b"), "a-z]|");
}

TEST(ExpressionTest, PropertiesHaveManyNames) {
    EXPECT_EQ(matches(R"(\p{Lu}\p{Ll}+)", "xAbc"), "Abc|");
    EXPECT_EQ(matches(R"(\p{^L}+)", "a12b"), "12|");
    EXPECT_EQ(matches(R"(\P{L}+)", "a12b"), "12|");
    EXPECT_EQ(matches(R"(\p{Uppercase_Letter})", "aB"), "B|");
    // U+30FC is common to two scripts: by script it is neither's, by extension both'.
    EXPECT_EQ(matches(R"(\p{Katakana}+)", "\u30AB\u30FC"), "\u30AB|");
}

TEST(ExpressionTest, CaseIsFoldedLetterByLetter) {
    EXPECT_EQ(matches("(?i:'s|'k)", "'S '\u017F '\u212A 's"), "'S|'\u017F|'\u212A|'s|");
    EXPECT_EQ(matches("(?i)ab|c", "AB C"), "AB|C|");
    EXPECT_EQ(matches("(?i:a)b", "Ab AB"), "Ab|");
}

TEST(ExpressionTest, EmptyMatchesDoNotFollowAMatch) {
    EXPECT_EQ(matches("a*", "aab"), "aa||");  // at the end; not between aa and b
    EXPECT_EQ(matches("", "\u00E9"), "||");
}

TEST(ExpressionTest, WhatIsNotUnderstoodIsRefused) {
    for (auto const* pattern :
         {"(a)\\1", "\\k<n>",    "(?R)",  "[a&&b]",  "a(?i)b",    "[a[^b]]",  "\\p{Nothing}",
          "\\X",    "\\G",       "\\K",   "(?x: a)", "a**",       "a{2}?",    "*a",
          "[]",     "(a",        "a)",    "[a",      "\\",        "(?i:ss)",  "(?i:\xC3\xA9)",
          "(?~a)",  "(?(1)a)",   "\\xFF", "a{3,2}",  "a{100000}", "(?<=a+)b", "(*FAIL)",
          "[\\Wa]", "\\x{D800}", "\\y",   "a\xFF"}) {
        expect_error(Exit::data, "t.json", [&] { Expression(pattern, "t.json"); });
    }
    expect_error(Exit::data, "t.json", [] { Expression(std::string(300, '('), "t.json"); });
}

}  // namespace
}  // namespace isogloss
