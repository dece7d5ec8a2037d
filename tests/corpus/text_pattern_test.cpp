// corpus/text_pattern_test.cpp
#include "corpus/text_pattern.h"

#include "corpus/character_class.h"
#include "corpus/pre_tokenizer.h"
#include "support/expect_error.h"

namespace isogloss {
namespace {

using test::expect_error;

std::string pieces(std::string const& text, MatchPlace place, Matches matches = Matches::as_found) {
    TextCutter const cutter{TextPattern(std::string("-")), place, matches};
    std::vector<TextRange> ranges;
    cutter.cut(text, ranges);
    std::string result;
    for (auto const& range : ranges) {
        result += text.substr(range.begin, range.end - range.begin) + "|";
    }
    return result;
}

std::string words(Json const& json, std::string const& text) {
    WordList list;
    list.begin(text, true);
    PreTokenizer::read(json, "test").apply(list);
    std::string result;
    for (auto const& word : list.words) {
        result += std::string(word.text) + "|";
    }
    return result;
}

// Hugging Face's documentation of SplitDelimiterBehavior has this example.
TEST(TextPatternTest, MatchesGoWhereTheyAreTold) {
    std::string const text = "the-final--countdown";
    EXPECT_EQ(pieces(text, MatchPlace::removed), "the|final|countdown|");
    EXPECT_EQ(pieces(text, MatchPlace::isolated), "the|-|final|-|-|countdown|");
    EXPECT_EQ(pieces(text, MatchPlace::previous), "the-|final-|-|countdown|");
    EXPECT_EQ(pieces(text, MatchPlace::next), "the|-final|-|-countdown|");
    EXPECT_EQ(pieces(text, MatchPlace::contiguous), "the|-|final|--|countdown|");
}

TEST(TextPatternTest, InvertedMatchesAreWhatLiesBetween) {
    EXPECT_EQ(pieces("a-b", MatchPlace::removed, Matches::inverted), "-|");
    EXPECT_EQ(pieces("a--b", MatchPlace::previous, Matches::inverted), "a|-|-b|");
}

TEST(TextPatternTest, EndsAndEmptyTextsHaveNoEmptyPieces) {
    for (auto const place :
         {MatchPlace::removed, MatchPlace::isolated, MatchPlace::previous, MatchPlace::next,
          MatchPlace::contiguous}) {
        EXPECT_EQ(pieces("", place), "");
        EXPECT_EQ(pieces("a", place), "a|");
    }
    EXPECT_EQ(pieces("-a-", MatchPlace::previous), "-|a-|");
    EXPECT_EQ(pieces("-a-", MatchPlace::next), "-a|-|");
}

TEST(TextPatternTest, ReplacingChangesEachMatch) {
    std::string out;
    EXPECT_TRUE(TextPattern(std::string("ab")).replace("xabab", "-", out));
    EXPECT_EQ(out, "x--");
    out.clear();
    EXPECT_FALSE(TextPattern(is_number).replace("abc", "-", out));
    EXPECT_EQ(out, "");
}

TEST(TextPatternTest, PatternsOfAFileAreChecked) {
    for (auto const* text :
         {R"({"String": ""})", R"({})", R"("a")", R"({"Regex": "("})",
          R"({"String": "a", "Regex": "a"})", R"({"String": "a", "x": 1})"}) {
        expect_error(Exit::data, "here", [&] {
            static_cast<void>(TextPattern::read(Json::parse(text), "here"));
        });
    }
}

TEST(PreTokenizerTest, MetaspaceMarksSpacesAndTheStart) {
    auto const json = [](char const* scheme) {
        return Json{{"type", "Metaspace"}, {"replacement", "_"}, {"prepend_scheme", scheme}};
    };
    EXPECT_EQ(words(json("always"), "a  b"), "_a|_|_b|");
    EXPECT_EQ(words(json("never"), "a b"), "a|_b|");
    EXPECT_EQ(words(json("always"), " a"), "_a|");
    Json const both{
        {"type", "Sequence"},
        {"pretokenizers", {Json{{"type", "WhitespaceSplit"}}, json("first")}}};
    EXPECT_EQ(words(both, "a b"), "_a|b|");  // only the first begins where the text does
}

TEST(PreTokenizerTest, ASequenceCutsWhatIsCut) {
    Json const json{
        {"type", "Sequence"},
        {"pretokenizers",
         {Json{{"type", "Digits"}, {"individual_digits", true}}, Json{{"type", "Punctuation"}},
          Json{{"type", "CharDelimiterSplit"}, {"delimiter", "x"}}}}};
    EXPECT_EQ(words(json, "a12xb!?"), "a|1|2|b|!|?|");
}

TEST(PreTokenizerTest, ByteLevelWithinASequenceSpellsBytes) {
    Json const json{
        {"type", "Sequence"},
        {"pretokenizers",
         {Json{{"type", "ByteLevel"}, {"add_prefix_space", true}, {"use_regex", false}},
          Json{{"type", "Whitespace"}}}}};
    EXPECT_EQ(words(json, "a b"), "\u0120a\u0120b|");  // no blank is left to cut at
}

}  // namespace
}  // namespace isogloss
