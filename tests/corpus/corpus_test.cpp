// corpus/corpus_test.cpp
#include "corpus/corpus.h"

#include <algorithm>
#include <filesystem>
#include <iterator>
#include <string>
#include <vector>

#include "support/byte_corpus.h"
#include "support/expect_error.h"
#include "support/page_cache.h"
#include "support/small_corpus.h"

namespace isogloss {
namespace {

namespace fs = std::filesystem;
using test::expect_error;
using test::small_corpus;
using test::TemporaryFolder;

TEST(CorpusTest, CutForeignAndMissingFilesAreNamedAtOpen) {
    TemporaryFolder const folder;
    auto const path = small_corpus(folder);
    auto const good = test::content_of(path / "en.h5");
    auto const open = [&] { Corpus const corpus(path); };
    test::write_content(path / "en.h5", good.substr(0, good.size() - 1));
    expect_error(Exit::data, "en.h5", open);
    test::write_content(path / "en.h5", test::content_of(path / "el.h5"));
    expect_error(Exit::data, "en.h5", open);
    test::write_content(path / "en.h5", std::string(good.size(), '\0'));  // seen at first use
    expect_error(Exit::data, "en.h5", [&] {
        Corpus const corpus(path);
        EXPECT_EQ(corpus.document_start(0, Split::train).front(), 0);  // el is whole
        static_cast<void>(corpus.document_start(1, Split::train));
    });
    fs::remove(path / "en.h5");
    expect_error(Exit::data, "en.h5", open);
    fs::remove(path / "corpus.json");
    expect_error(Exit::data, "not a corpus", open);
}

TEST(CorpusTest, NoDescriptorStaysOpen) {
    TemporaryFolder const folder;
    auto const path = small_corpus(folder);
    auto const descriptors = [] {
        return std::distance(fs::directory_iterator("/proc/self/fd"), {});
    };
    { Corpus const first(path); }  // HDF5 may keep what it opens for itself
    auto const before = descriptors();
    Corpus const corpus(path);
    for (std::int32_t language = 0; language < 3; ++language) {
        EXPECT_EQ(corpus.document_start(language, Split::valid).front(), 0);
    }
    EXPECT_EQ(descriptors(), before);
}

TEST(CorpusTest, OneFlippedBitIsFoundByVerify) {
    TemporaryFolder const folder;
    auto const path = small_corpus(folder);
    auto bytes = test::content_of(path / "zh.h5");
    bytes[bytes.size() / 2] = static_cast<char>(bytes[bytes.size() / 2] ^ 1);
    test::write_content(path / "zh.h5", bytes);
    expect_error(Exit::data, "zh.h5", [&] { verify_corpus(path); });
}

TEST(CorpusTest, ManifestThatLiesIsRefused) {
    TemporaryFolder const folder;
    auto const path = small_corpus(folder);
    auto const good = test::content_of(path / "corpus.json");
    auto const with = [&](std::string const& from, std::string const& to) {
        auto text = good;
        auto const at = text.find(from);
        EXPECT_NE(at, std::string::npos) << from;
        text.replace(at, from.size(), to);
        test::write_content(path / "corpus.json", text);
        return [&path] { Corpus const corpus(path); };
    };
    expect_error(Exit::data, "../el.h5", with("\"el.h5\"", "\"../el.h5\""));
    expect_error(Exit::data, "language tag", with("\"tag\": \"el\"", "\"tag\": \"../el\""));
    expect_error(Exit::data, "schema", with("\"schema\": 2", "\"schema\": 1"));
    expect_error(Exit::data, "must be el.h5", with("\"tag\": \"en\"", "\"tag\": \"el\""));
    expect_error(Exit::data, "valid JSON", with("{", "["));
    expect_error(Exit::data, "separator", with("\"vocab_size\": 257", "\"vocab_size\": 256"));
}

TEST(CorpusTest, TokenOutsideTheVocabularyIsNamedBeforeUse) {
    TemporaryFolder const folder;
    auto const path = small_corpus(folder);
    auto bytes = test::content_of(path / "en.h5");
    auto const at = bytes.find(std::string("b\0l\0u\0e\0", 8));
    ASSERT_NE(at, std::string::npos);
    bytes[at + 1] = '\x7F';
    test::write_content(path / "en.h5", bytes);
    Corpus const corpus(path);
    expect_error(Exit::data, "vocabulary", [&] {
        for (auto const split : {Split::train, Split::valid}) {
            std::vector<std::int32_t> all(static_cast<std::size_t>(corpus.tokens(1, split)));
            corpus.window(1, split, 0, all);
        }
    });
}

// 128 pages of tokens, of which two are asked for; they begin within a page.
TEST(CorpusTest, PrefetchReadsTheTokensThatWereNamed) {
    TemporaryFolder const folder;
    auto const page = static_cast<std::int64_t>(::sysconf(_SC_PAGESIZE));
    auto const text = test::periodic_text("abcdefg", static_cast<std::size_t>(64 * page));
    test::write_byte_corpus(folder.path(), {{"el", {"abc"}, {}}, {"hu", {text}, {"valid"}}});
    Corpus const corpus(folder.path());
    auto const file = folder / "hu.h5";
    auto const bytes = test::content_of(file);
    // A separator, then "a" and "b", of 16 bits each.
    auto const begin = bytes.find(std::string{'\0', '\1', 'a', '\0', 'b', '\0'});
    auto const first_page = static_cast<std::int64_t>(begin) / page;
    EXPECT_EQ(corpus.document_start(1, Split::train).size(), 2U);
    test::forget_pages(file);
    auto const before = test::pages_in_memory(file);
    if (std::ranges::count(before, true) > 32) {
        GTEST_SKIP() << "the file system of " << file << " keeps its pages";
    }
    corpus.prefetch(1, Split::train, 50 * page / 2, page);
    corpus.prefetch(1, Split::train, 64 * page + 5, page);  // beyond the end
    corpus.prefetch(1, Split::train, -page, page / 2);
    auto expected = before;
    for (auto i = first_page + 50; i <= first_page + 52; ++i) {
        expected[static_cast<std::size_t>(i)] = true;
    }
    EXPECT_EQ(test::pages_when(file, std::ranges::count(expected, true)), expected);
    expect_error(Exit::internal, "language 2 of 2", [&] {
        corpus.prefetch(2, Split::train, 0, 1);
    });
}

TEST(CorpusTest, UnknownLanguageIsTheUsersFault) {
    TemporaryFolder const folder;
    Corpus const corpus(small_corpus(folder));
    EXPECT_EQ(corpus.language_index("zh"), 2);
    expect_error(Exit::usage, "it has el en zh", [&] {
        static_cast<void>(corpus.language_index("sw"));
    });
}

TEST(CorpusTest, TagsThatCouldBePathsAreNone) {
    for (auto const* good : {"el", "ceb", "zh-Hant", "sr-Latn-RS", "en-GB-oxendict", "de-1996"}) {
        EXPECT_TRUE(is_language_tag(good)) << good;
    }
    for (auto const* bad :
         {"", "e", "..", "../el", "el/x", "el_GR", "el-", "-el", "el--x", "e1", "el.h5", "LICENCE",
          "el-verylongsubtag", "el\n"}) {
        EXPECT_FALSE(is_language_tag(bad)) << bad;
    }
}

}  // namespace
}  // namespace isogloss
