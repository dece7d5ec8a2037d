// corpus/hugging_face_test.cpp
#include "corpus/hugging_face.h"

#include <thread>

#include "corpus/corpus.h"
#include "corpus/corpus_builder.h"
#include "corpus/tokenizer.h"
#include "corpus/utf8.h"
#include "support/expect_error.h"
#include "support/small_corpus.h"

namespace isogloss {
namespace {

using test::expect_error;
using test::TemporaryFolder;
using namespace std::string_literals;

std::filesystem::path golden(std::string const& name) {
    return std::filesystem::path(ISOGLOSS_GOLDEN) / name;
}

struct Row {
    std::string text;
    std::vector<std::int32_t> ids;
    std::string decoded;
};

// What Hugging Face's library gave (tests/golden/tokenizers/make).
std::vector<Row> rows_of(std::string const& name) {
    auto const json = Json::parse(test::content_of(golden("expected.json")));
    std::vector<Row> rows;
    for (std::size_t i = 0; i < json.at("texts").size(); ++i) {
        auto const text = json.at("texts").at(i).get<std::string>();
        auto const& entry = json.at(name).at(i);
        auto const decoded = entry.at(1).is_null() ? text : entry.at(1).get<std::string>();
        rows.push_back({text, entry.at(0).get<std::vector<std::int32_t>>(), decoded});
    }
    return rows;
}

std::vector<std::int32_t> encode(HuggingFace const& tokenizer, std::string const& text) {
    std::vector<std::int32_t> ids;
    tokenizer.encode(text, TextSpan::kText, ids);
    return ids;
}

// The smallest that does something: a, b, ab.
Json small() {
    return Json::parse(R"({
        "version": "1.0", "truncation": null, "padding": null, "added_tokens": [],
        "normalizer": null, "pre_tokenizer": null, "post_processor": null,
        "decoder": {"type": "Fuse"},
        "model": {"type": "BPE", "vocab": {"a": 0, "b": 1, "ab": 2}, "merges": ["a b"]}
    })");
}

Json added(std::string const& content, std::int32_t id) {
    return {{"id", id},        {"content", content},  {"single_word", false}, {"lstrip", false},
            {"rstrip", false}, {"normalized", false}, {"special", true}};
}

class GoldenTest : public ::testing::TestWithParam<std::string> {
protected:
    HuggingFace const tokenizer_{test::content_of(golden(GetParam() + ".json")), GetParam()};
    std::vector<Row> const rows_ = rows_of(GetParam());
};

TEST_P(GoldenTest, GivesTheIdsOfTheLibrary) {
    ASSERT_GT(rows_.size(), 40U);
    for (int pass = 0; pass < 2; ++pass) {  // then from what the first pass kept
        for (auto const& row : rows_) {
            EXPECT_EQ(encode(tokenizer_, row.text), row.ids) << row.text;
        }
    }
}

// Where the library writes U+FFFD for bytes that are no character, the bytes themselves come out.
TEST_P(GoldenTest, GivesTheTextOfTheLibrary) {
    int compared = 0;
    for (auto const& row : rows_) {
        if (row.decoded.find("\xEF\xBF\xBD") == std::string::npos) {
            EXPECT_EQ(tokenizer_.decode(row.ids), row.decoded);
            ++compared;
        }
    }
    EXPECT_GT(compared, 35);
}

INSTANTIATE_TEST_SUITE_P(
    Files,
    GoldenTest,
    ::testing::Values(
        "gpt2",
        "qwen",
        "llama3",
        "bloom",
        "deepseek",
        "lines",
        "folded",
        "llama2",
        "gemma",
        "metaspace",
        "unigram",
        "words"
    ),
    [](auto const& named) { return named.param; }
);

TEST(HuggingFaceTest, ByteLevelTextComesBackWhole) {
    HuggingFace const tokenizer(test::content_of(golden("gpt2.json")), "gpt2");
    std::string text;
    for (char32_t c = 1; c < 0x30000; c += c < 0x3000 ? 1 : 77) {
        if (c < 0xD800 || c > 0xDFFF) {
            append_utf8(text, c);
        }
    }
    EXPECT_EQ(tokenizer.decode(encode(tokenizer, text)), text);
}

TEST(HuggingFaceTest, OneWordOfAMegabyteTakesNoLonger) {
    HuggingFace const tokenizer(test::content_of(golden("gpt2.json")), "gpt2");
    // By merging all at once or one by one: 2^20 letters are the tokens of two halves.
    std::string const half(std::size_t{1} << 19U, 'e');
    auto const ids = encode(tokenizer, half);
    auto twice = ids;
    twice.insert(twice.end(), ids.begin(), ids.end());
    EXPECT_EQ(encode(tokenizer, half + half), twice);
}

// Of equal merges that overlap the first is made first, in words of every length (long ones are
// merged by a heap): an odd run of one letter leaves its last alone.
TEST(HuggingFaceTest, EqualMergesAreMadeFromTheLeft) {
    auto json = small();
    json["model"]["vocab"]["aa"] = 3;
    json["model"]["merges"] = Json::array({"a a"});
    HuggingFace const tokenizer(json.dump(), "x.json");
    for (std::size_t const pairs : {1U, 2U, 23U, 24U, 40U, 500U}) {
        std::vector<std::int32_t> expected(pairs, 3);
        expected.push_back(0);
        EXPECT_EQ(encode(tokenizer, std::string(2 * pairs + 1, 'a')), expected) << pairs;
    }
}

TEST(HuggingFaceTest, ThreadsGetTheSameIds) {
    HuggingFace const tokenizer(test::content_of(golden("qwen.json")), "qwen");
    auto const rows = rows_of("qwen");
    std::vector<int> wrong(4, 0);
    std::vector<std::thread> threads;
    for (std::size_t t = 0; t < wrong.size(); ++t) {
        threads.emplace_back([&, t] {
            for (auto const& row : rows) {
                wrong[t] += encode(tokenizer, row.text) != row.ids ? 1 : 0;
            }
        });
    }
    for (auto& thread : threads) {
        thread.join();
    }
    EXPECT_EQ(wrong, std::vector<int>(4, 0));
}

TEST(HuggingFaceTest, TextMustBeUtf8) {
    auto const json = small();
    auto const tokenizer = HuggingFace(json.dump(), "x.json");
    expect_error(Exit::data, "not UTF-8", [&] { encode(tokenizer, "a\xFF"); });
}

TEST(HuggingFaceTest, MergesAsPairsAreMergesAsText) {
    auto json = small();
    json["model"]["merges"] = Json::array({Json::array({"a", "b"})});
    HuggingFace const tokenizer(json.dump(), "x.json");
    EXPECT_EQ(encode(tokenizer, "abba"), (std::vector<std::int32_t>{2, 1, 0}));
}

TEST(HuggingFaceTest, IgnoredMergesLeaveWholeWordsWhole) {
    auto json = small();
    json["model"]["vocab"]["ba"] = 3;  // which no merge makes
    HuggingFace const merging(json.dump(), "x.json");
    EXPECT_EQ(encode(merging, "ba"), (std::vector<std::int32_t>{1, 0}));
    json["model"]["ignore_merges"] = true;
    HuggingFace const ignoring(json.dump(), "x.json");
    EXPECT_EQ(encode(ignoring, "ba"), (std::vector<std::int32_t>{3}));
    EXPECT_EQ(encode(ignoring, "bab"), (std::vector<std::int32_t>{1, 2}));
}

TEST(HuggingFaceTest, AHiddenTokenStaysText) {
    auto json = small();
    json["added_tokens"].push_back(added("ba", 3));
    HuggingFace const tokenizer(json.dump(), "x.json");
    EXPECT_EQ(encode(tokenizer, "abab"), (std::vector<std::int32_t>{0, 3, 1}));
    std::vector<std::int32_t> ids;
    tokenizer.encode("abab", 3, ids);
    EXPECT_EQ(ids, (std::vector<std::int32_t>{2, 2}));
}

// What is not understood is refused, with its name in the error.
TEST(HuggingFaceTest, WhatIsNotUnderstoodIsNamed) {
    auto const refused = [](std::string const& name, auto&& change) {
        auto json = small();
        change(json);
        expect_error(Exit::data, name, [&] {
            static_cast<void>(HuggingFace(json.dump(), "x.json"));
        });
    };
    auto const typed = [](char const* type) { return Json{{"type", type}}; };
    refused("dropout 0.1", [](Json& j) { j["model"]["dropout"] = 0.1; });
    refused("WordPiece", [](Json& j) { j["model"]["type"] = "WordPiece"; });
    refused("\"new_option\"", [](Json& j) { j["model"]["new_option"] = true; });
    refused("\"more\"", [](Json& j) { j["more"] = 1; });
    refused("version 2.0", [](Json& j) { j["version"] = "2.0"; });
    refused("UnicodeScripts", [&](Json& j) { j["pre_tokenizer"] = typed("UnicodeScripts"); });
    refused("BertNormalizer", [&](Json& j) { j["normalizer"] = typed("BertNormalizer"); });
    refused("CTC", [&](Json& j) { j["decoder"] = typed("CTC"); });
    refused("\"Sideways\"", [](Json& j) {
        j["pre_tokenizer"] = {
            {"type", "Split"}, {"pattern", {{"String", "a"}}}, {"behavior", "Sideways"}};
    });
    refused("unk_token \"u\"", [](Json& j) { j["model"]["unk_token"] = "u"; });
    refused("\"fuse_unk\" is number", [](Json& j) { j["model"]["fuse_unk"] = 1; });
}

TEST(HuggingFaceTest, BrokenFilesAreNamed) {
    auto const refused = [](std::string const& name, std::string const& file) {
        expect_error(Exit::data, name, [&] { static_cast<void>(HuggingFace(file, "x.json")); });
    };
    auto const with_model = [](std::string const& vocab, std::string const& merges) {
        return R"({"model": {"type": "BPE", "vocab": )" + vocab + R"(, "merges": )" + merges + "}}";
    };
    refused("x.json: is no JSON", "{\"model\"");
    refused("x.json: is no JSON", "{\"model\": \"\xFF\"}");
    refused("\"model\" is missing", "{}");
    refused("64 levels", std::string(100'000, '[') + std::string(100'000, ']'));
    refused("64 levels", R"({"normalizer": )" + std::string(100'000, '['));
    refused("no whole number: a", with_model(R"({"a": -1})", "[]"));
    refused("ids lie in", with_model(R"({"a": 4000000000})", "[]"));
    refused("an id is 16000000", with_model(R"({"a": 16000000})", "[]"));
    refused("have one id, 3", with_model(R"({"a": 3, "b": 3})", "[]"));
    refused("\"a\" is there twice", with_model(R"({"a": 1, "a": 2})", "[]"));
    refused("needs the token \"c\"", with_model(R"({"a": 0, "b": 1})", R"(["a c"])"));
    refused("needs the token \"ab\"", with_model(R"({"a": 0, "b": 1})", R"(["a b"])"));
    refused("not two tokens", with_model(R"({"a": 0})", R"(["a"])"));
    refused("no pair", with_model(R"({"a": 0})", R"([["a"]])"));
    refused("no pair", with_model(R"({"a": 0})", R"([["a", "b", "c"]])"));
    refused("merges are no list", with_model(R"({"a": 0})", R"({"a": 1})"));
    refused("a list within", with_model(R"({"a": {"b": 1}})", "[]"));
}

TEST(HuggingFaceTest, AddedTokensHaveTheirPlaces) {
    auto json = small();
    json["added_tokens"].push_back(added("<s>", 7));
    expect_error(Exit::data, "\"<s>\" has the id 7, but its place makes it 3", [&] {
        static_cast<void>(HuggingFace(json.dump(), "x.json"));
    });
    json["added_tokens"] = Json::array({added("", 3)});
    expect_error(Exit::data, "no content", [&] {
        static_cast<void>(HuggingFace(json.dump(), "x.json"));
    });
}

TEST(HuggingFaceTest, AnExpressionThatTakesForEverEnds) {
    auto json = small();
    json["pre_tokenizer"] = {
        {"type", "Split"}, {"pattern", {{"Regex", "(?:a|aa|aaa)*c"}}}, {"behavior", "Isolated"}};
    HuggingFace const tokenizer(json.dump(), "x.json");
    EXPECT_EQ(encode(tokenizer, "ab"), std::vector<std::int32_t>{2});
    expect_error(Exit::data, "begins with \"aaaa", [&] {
        encode(tokenizer, std::string(200, 'a') + "-c");
    });
}

// The tokenizer as the corpus and the commands see it.
class HuggingFaceFileTest : public ::testing::Test {
protected:
    std::string write(Json const& json, std::string const& name = "tokenizer.json") {
        test::write_content(folder_ / name, json.dump());
        return (folder_ / name).string();
    }
    TemporaryFolder folder_;
};

TEST_F(HuggingFaceFileTest, SeparatorIsWhatTheConfigNames) {
    auto json = small();
    for (auto const* name : {"<x>", "<s>", "</s>"}) {
        auto const id = static_cast<std::int32_t>(3 + json["added_tokens"].size());
        json["added_tokens"].push_back(added(name, id));
    }
    auto const path = write(json);
    EXPECT_EQ(Tokenizer::open(path).separator(), 4);  // <s>, a usual name
    write({{"eos_token", {{"content", "</s>"}}}}, "special_tokens_map.json");
    EXPECT_EQ(Tokenizer::open(path).separator(), 5);
    write({{"bos_token", nullptr}, {"eos_token", "<x>"}}, "tokenizer_config.json");
    EXPECT_EQ(Tokenizer::open(path).separator(), 3);
    EXPECT_EQ(Tokenizer::open(path, "</s>").separator(), 5);
    EXPECT_EQ(Tokenizer::open(path, 4).separator_text(), "<s>");
    EXPECT_EQ(Tokenizer::open(folder_.path().string()).kind(), "huggingface");
    expect_error(Exit::usage, "separator = <y>", [&] { Tokenizer::open(path, "<y>"); });
}

TEST_F(HuggingFaceFileTest, WithoutASeparatorItAsksForOne) {
    auto const path = write(small());
    expect_error(Exit::data, "--separator TOKEN", [&] { Tokenizer::open(path); });
    EXPECT_EQ(Tokenizer::open(path, "b").separator(), 1);
}

TEST_F(HuggingFaceFileTest, DocumentsHoldNoSeparatorButTheirFirst) {
    auto json = small();
    json["added_tokens"].push_back(added("ba", 3));
    auto const tokenizer = Tokenizer::open(write(json), "ba");
    EXPECT_EQ(tokenizer.encode("abab"), (std::vector<std::int32_t>{0, 3, 1}));
    std::vector<std::int32_t> ids;
    tokenizer.encode_document("abab", ids);
    EXPECT_EQ(ids, (std::vector<std::int32_t>{3, 2, 2}));
    auto const other = Tokenizer::open((folder_ / "tokenizer.json").string(), "ab");
    expect_error(Exit::data, "\"ab\" also stands for text", [&] {
        other.encode_document("ab", ids);
    });
}

TEST_F(HuggingFaceFileTest, SavedFileIsTheSame) {
    auto const path = write(small());
    auto const tokenizer = Tokenizer::open(path, "a");
    tokenizer.save(folder_ / "copy.json");
    EXPECT_EQ(test::content_of(folder_ / "copy.json"), test::content_of(path));
    EXPECT_EQ(tokenizer.sha256(), Tokenizer::open((folder_ / "copy.json").string(), "a").sha256());
}

TEST_F(HuggingFaceFileTest, ACorpusKeepsItAndRefusesAnother) {
    auto const text = test::content_of(golden("qwen.json"));
    auto const tokenizer = Tokenizer::open(golden("qwen.json").string());
    test::write_content(folder_ / "el.txt", "<|endoftext|> a\n\nΕλλάδα, b<mask>\n");
    BuildPlan plan;
    plan.languages = cut_input({{"el", {folder_ / "el.txt"}}}, kInputPieceBytes);
    plan.out = folder_ / "corpus";
    test::build_corpus(plan, tokenizer, 1);
    EXPECT_EQ(test::content_of(plan.out / "tokenizer.json"), text);
    verify_corpus(plan.out);

    Corpus const corpus(plan.out);
    auto const copy = Tokenizer::open(corpus.tokenizer_name(), corpus.manifest().separator);
    EXPECT_EQ(copy.sha256(), corpus.manifest().tokenizer_sha256);
    EXPECT_EQ(corpus.manifest().tokenizer_kind, "huggingface");
    EXPECT_EQ(copy.separator_text(), "<|endoftext|>");

    test::write_content(plan.out / "tokenizer.json", text + " ");
    expect_error(Exit::data, "tokenizer.json", [&] { static_cast<void>(Corpus(plan.out)); });
}

}  // namespace
}  // namespace isogloss
