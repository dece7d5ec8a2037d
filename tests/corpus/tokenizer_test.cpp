// corpus/tokenizer_test.cpp
#include "corpus/tokenizer.h"

#include "base/hash.h"
#include "corpus/tokenizer_training.h"
#include "support/expect_error.h"
#include "support/small_text.h"
#include "support/temporary_folder.h"

namespace isogloss {
namespace {

using test::expect_error;
using test::TemporaryFolder;
using namespace std::string_literals;

// What has gone wrong elsewhere: spaces at the ends and in rows, line ends of all kinds, the mark
// that SentencePiece uses for a space, its control tokens as text, zero bytes, rare letters,
// decomposed accents, letters beyond the basic plane, joiners, right to left.
std::vector<std::string> hard_texts() {
    std::vector<std::string> texts{
        "",
        " ",
        "  two  spaces  ",
        "\n",
        "a\n\nb\r\nc\td\n",
        "\xE2\x96\x81",
        "a\xE2\x96\x81 b",
        "<s></s><unk><0x0A>",
        "zero\0byte"s,
        "Ελλάδα ᾧ",
        "e\xCC\x81 \xC3\xA9",
        "𐍈𐌰 😀👩‍👩‍👧",
        "שלום עולם",
        "क्‍ष नेपाल",
        "中文，没有空格。日本語も",
        "\xEF\xBB\xBF bom",
        "ﬁ Ⅷ ² ①",
        "ภาษาไทย",
        std::string(40000, 'x'),
        std::string(40000, ' '),
        std::string(20000, '\n')};
    std::string mixed;
    for (std::uint64_t i = 0; i < 3000; ++i) {  // longer than what is encoded at once
        mixed += test::document_of(i % 2 == 0 ? "el" : "hi", i) + (i % 3 == 0 ? "\n" : "  ");
    }
    texts.push_back(mixed);
    return texts;
}

TEST(TokenizerTest, BytesComeBackWhateverTheyAre) {
    auto const tokenizer = Tokenizer::open("bytes");
    EXPECT_EQ(tokenizer.vocab_size(), 257);
    EXPECT_EQ(tokenizer.separator(), 256);
    EXPECT_EQ(tokenizer.encode("Aé"), (std::vector<std::int32_t>{0x41, 0xC3, 0xA9}));
    auto texts = hard_texts();
    texts.push_back("\xFF\xFE broken \x80");
    for (auto const& text : texts) {
        EXPECT_EQ(tokenizer.decode(tokenizer.encode(text)), text);
    }
    EXPECT_EQ(tokenizer.decode(std::vector<std::int32_t>{256, 65, 256}), "A");
    expect_error(Exit::data, "token 257", [&] {
        static_cast<void>(tokenizer.decode(std::vector<std::int32_t>{257}));
    });
}

class TrainedTokenizerTest : public ::testing::Test {
protected:
    std::filesystem::path train(std::string const& name) {
        std::vector<LanguageInput> inputs;
        for (auto const* tag : {"el", "en", "hi", "zh"}) {
            auto const path = folder_ / (tag + ".jsonl"s);
            test::write_content(path, test::jsonl_of(tag, 0, 300));
            inputs.push_back({tag, {path}});
        }
        train_tokenizer(inputs, {.vocab_size = 400}, folder_ / name);
        return folder_ / name;
    }

    TemporaryFolder folder_;
};

TEST_F(TrainedTokenizerTest, AnyTextComesBack) {
    auto const tokenizer = Tokenizer::open(train("a.model").string());
    EXPECT_EQ(tokenizer.vocab_size(), 400);
    for (auto const& text : hard_texts()) {
        auto const ids = tokenizer.encode(text);
        EXPECT_EQ(tokenizer.decode(ids), text);
        EXPECT_EQ(std::ranges::count(ids, tokenizer.separator()), 0);
    }
    // It learned: a known word is fewer tokens than bytes.
    EXPECT_LT(tokenizer.encode(" θάλασσα").size(), " θάλασσα"s.size() / 3);
}

TEST_F(TrainedTokenizerTest, SameTextGivesTheSameModel) {
    auto const first = train("a.model");
    auto const second = train("b.model");
    EXPECT_EQ(test::content_of(first), test::content_of(second));
    EXPECT_EQ(Tokenizer::open(first.string()).sha256(), sha256_file(first));
}

TEST_F(TrainedTokenizerTest, SavedModelIsTheSame) {
    auto const path = train("a.model");
    Tokenizer::open(path.string()).save(folder_ / "copy.model");
    EXPECT_EQ(test::content_of(path), test::content_of(folder_ / "copy.model"));
}

TEST_F(TrainedTokenizerTest, WhatIsNoModelIsNamed) {
    auto const good = test::content_of(train("a.model"));
    expect_error(Exit::data, "none.model", [&] {
        Tokenizer::open((folder_ / "none.model").string());
    });
    test::write_content(folder_ / "bad.model", "not a model");
    expect_error(Exit::data, "bad.model", [&] {
        Tokenizer::open((folder_ / "bad.model").string());
    });
    test::write_content(folder_ / "cut.model", good.substr(0, good.size() / 2));
    expect_error(Exit::data, "cut.model", [&] {
        Tokenizer::open((folder_ / "cut.model").string());
    });
}

TEST_F(TrainedTokenizerTest, VocabularyThatCannotBeIsTheUsersFault) {
    test::write_content(folder_ / "en.txt", "a b c");
    expect_error(Exit::usage, "vocabulary of 5000", [&] {
        train_tokenizer({{"en", {folder_ / "en.txt"}}}, {.vocab_size = 5000}, folder_ / "x.model");
    });
    EXPECT_FALSE(std::filesystem::exists(folder_ / "x.model"));
}

}  // namespace
}  // namespace isogloss
