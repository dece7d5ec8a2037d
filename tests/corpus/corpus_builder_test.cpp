// corpus/corpus_builder_test.cpp
#include "corpus/corpus_builder.h"

#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <numeric>

#include "corpus/corpus.h"
#include "support/expect_error.h"
#include "support/small_corpus.h"

namespace isogloss {
namespace {

namespace fs = std::filesystem;
using test::build_corpus;
using test::expect_error;
using test::small_corpus;
using test::TemporaryFolder;

std::vector<std::string> split_documents(Corpus const& corpus, std::int32_t language, Split split) {
    auto const tokenizer = Tokenizer::open(corpus.tokenizer_name());
    auto const starts = corpus.document_start(language, split);
    std::vector<std::string> documents;
    for (std::size_t i = 0; i + 1 < starts.size(); ++i) {
        std::vector<std::int32_t> tokens(static_cast<std::size_t>(starts[i + 1] - starts[i]), -1);
        corpus.window(language, split, starts[i], tokens);
        EXPECT_EQ(tokens[0], corpus.manifest().separator);
        documents.push_back(tokenizer.decode(tokens));
    }
    return documents;
}

TEST(CorpusBuilderTest, EveryDocumentIsInOneSplitInItsOrder) {
    TemporaryFolder const folder;
    Corpus const corpus(small_corpus(folder));
    ASSERT_EQ(corpus.languages().size(), 3U);
    std::uint64_t const sizes[] = {100, 210, 50};
    for (std::int32_t language = 0; language < 3; ++language) {
        auto const& record = corpus.languages()[static_cast<std::size_t>(language)];
        auto const train = split_documents(corpus, language, Split::train);
        auto const valid = split_documents(corpus, language, Split::valid);
        std::size_t next[kSplits] = {0, 0};
        for (std::uint64_t i = 0; i < sizes[language]; ++i) {
            auto const expected = test::document_of(record.tag, i);
            bool const is_valid = split_of(expected, 0.2) == Split::valid;
            auto const& split = is_valid ? valid : train;
            ASSERT_EQ(split.at(next[is_valid ? 1 : 0]++), expected);
        }
        EXPECT_EQ(next[0], train.size());
        EXPECT_EQ(next[1], valid.size());
        // 0.2 of n documents, within four deviations of a binomial.
        auto const n = static_cast<double>(sizes[language]);
        EXPECT_NEAR(static_cast<double>(valid.size()), 0.2 * n, 4 * std::sqrt(0.16 * n));
        auto const bytes = std::accumulate(
            train.begin(), train.end(), std::size_t{0},
            [](auto sum, auto const& text) { return sum + text.size(); }
        );
        EXPECT_EQ(record.counts(Split::train).bytes_of_text, static_cast<std::int64_t>(bytes));
    }
    verify_corpus(corpus.directory());
}

TEST(CorpusBuilderTest, AnyNumberOfRanksGivesTheSameBytes) {
    TemporaryFolder const folder;
    auto const tokenizer = Tokenizer::open("bytes");
    BuildPlan plan{.languages = test::small_inputs(folder), .out = folder / "r1"};
    build_corpus(plan, tokenizer, 1);
    for (int const ranks : {2, 7}) {
        plan.out = folder / ("r" + std::to_string(ranks));
        build_corpus(plan, tokenizer, ranks);
        for (auto const* name : {"corpus.json", "el.h5", "en.h5", "zh.h5"}) {
            EXPECT_EQ(test::content_of(folder / "r1" / name), test::content_of(plan.out / name));
        }
    }
}

TEST(CorpusBuilderTest, KilledBuildLeavesNoCorpusAndGoesOn) {
    TemporaryFolder const folder;
    auto const tokenizer = Tokenizer::open("bytes");
    BuildPlan plan{.languages = test::small_inputs(folder), .out = folder / "straight"};
    build_corpus(plan, tokenizer, 1);
    plan.out = folder / "killed";
    for (int when = 0; when < 6;
         ++when) {  // after 0, 1, .. reports of progress, then while joining
        auto const child = ::fork();
        ASSERT_GE(child, 0);
        if (child == 0) {
            CorpusBuilder const builder(plan, tokenizer);
            builder.prepare();
            int calls = 0;
            builder.make_parts(0, 1, [&](std::int64_t, std::string const&) {
                if (calls++ == when) {
                    ::raise(SIGKILL);
                }
            });
            builder.assemble(0, 2);
            ::raise(SIGKILL);
        }
        int status = 0;
        ::waitpid(child, &status, 0);
        ASSERT_TRUE(WIFSIGNALED(status));
        EXPECT_FALSE(fs::exists(plan.out));
    }
    build_corpus(plan, tokenizer, 2);
    EXPECT_FALSE(fs::exists(folder / "killed.partial"));
    std::size_t files = 0;
    for (auto const& entry : fs::directory_iterator(folder / "straight")) {
        auto const name = entry.path().filename();
        EXPECT_EQ(test::content_of(entry.path()), test::content_of(plan.out / name)) << name;
        ++files;
    }
    EXPECT_EQ(files, 4U);
}

TEST(CorpusBuilderTest, ChangedTextIsTokenizedAgain) {
    TemporaryFolder const folder;
    auto const tokenizer = Tokenizer::open("bytes");
    BuildPlan const plan{.languages = test::small_inputs(folder), .out = folder / "corpus"};
    {
        CorpusBuilder const builder(plan, tokenizer);  // all but the commit
        builder.prepare();
        builder.make_parts(0, 1, [](std::int64_t, std::string const&) {});
        ASSERT_EQ(builder.assemble(0, 1), "");
    }
    test::write_content(folder / "zh.jsonl", "{\"text\": \"新\"}\n");
    build_corpus(plan, tokenizer, 1);
    Corpus const corpus(plan.out);
    EXPECT_EQ(corpus.languages()[2].counts(Split::train).bytes_of_text, 3);
    verify_corpus(plan.out);
}

TEST(CorpusBuilderTest, TooManyBadRecordsStopTheBuildAndLeaveNothing) {
    TemporaryFolder const folder;
    test::write_content(folder / "en.jsonl", test::jsonl_of("en", 0, 9) + "{\"text\": \"\xFF\"}\n");
    auto const tokenizer = Tokenizer::open("bytes");
    BuildPlan plan{.languages = {{"en", {folder / "en.jsonl"}}}, .out = folder / "corpus"};
    expect_error(Exit::data, "en: 1 of 10 records are bad (10 %)", [&] {
        build_corpus(plan, tokenizer, 1);
    });
    EXPECT_FALSE(fs::exists(folder / "corpus"));
    EXPECT_FALSE(fs::exists(folder / "corpus.partial"));
    plan.max_bad = 10.0;
    auto const reports = build_corpus(plan, tokenizer, 1);
    EXPECT_EQ(reports.at(0).faults.places.at(0), "en.jsonl line 10: broken_utf8");
    EXPECT_EQ(reports.at(0).records, 10);
}

TEST(CorpusBuilderTest, OneBadLanguageLeavesNothingOfTheGoodOnesEither) {
    TemporaryFolder const folder;
    test::write_content(folder / "el.jsonl", test::jsonl_of("el", 0, 10));
    test::write_content(folder / "en.jsonl", test::jsonl_of("en", 0, 9) + "{\"text\": \"\xFF\"}\n");
    auto const tokenizer = Tokenizer::open("bytes");
    BuildPlan plan{
        .languages = {{"el", {folder / "el.jsonl"}}, {"en", {folder / "en.jsonl"}}},
        .out = folder / "corpus"};
    for (int const ranks : {1, 2}) {
        expect_error(Exit::data, "en: 1 of 10 records are bad (10 %)", [&] {
            build_corpus(plan, tokenizer, ranks);
        });
        EXPECT_FALSE(fs::exists(folder / "corpus"));
        EXPECT_FALSE(fs::exists(folder / "corpus.partial")) << ranks << " ranks";
    }
}

// A language that an earlier, killed build took under a laxer limit is judged again.
TEST(CorpusBuilderTest, AStricterLimitHoldsForWhatIsFinishedToo) {
    TemporaryFolder const folder;
    test::write_content(folder / "en.jsonl", test::jsonl_of("en", 0, 9) + "{\"text\": \"\xFF\"}\n");
    auto const tokenizer = Tokenizer::open("bytes");
    BuildPlan plan{
        .languages = {{"en", {folder / "en.jsonl"}}}, .out = folder / "corpus", .max_bad = 10.0};
    {
        CorpusBuilder const builder(plan, tokenizer);  // all but the commit
        builder.prepare();
        builder.make_parts(0, 1, [](std::int64_t, std::string const&) {});
        ASSERT_EQ(builder.assemble(0, 1), "");
        ASSERT_TRUE(fs::exists(folder / "corpus.partial" / "en.h5"));
    }
    plan.max_bad = 9.0;
    expect_error(Exit::data, "en: 1 of 10 records are bad (10 %)", [&] {
        build_corpus(plan, tokenizer, 1);
    });
    EXPECT_FALSE(fs::exists(folder / "corpus"));
}

TEST(CorpusBuilderTest, LargeVocabularyIsStoredIn32Bits) {
    EXPECT_EQ(token_bytes(65536), 2);
    EXPECT_EQ(token_bytes(65537), 4);
}

TEST(CorpusBuilderTest, WorkIsSharedOutBySize) {
    // Largest first to the lightest: 9 | 7; 6 joins 7; 5 joins 9; 2 joins 13.
    EXPECT_EQ(share_out({5, 9, 2, 7, 6}, 2), (std::vector<int>{0, 0, 1, 1, 1}));
    EXPECT_EQ(share_out({1}, 3), (std::vector<int>{0}));
    EXPECT_TRUE(share_out({}, 3).empty());
}

TEST(CorpusBuilderTest, FolderThatExistsIsNotOverwritten) {
    TemporaryFolder const folder;
    auto const path = small_corpus(folder);
    BuildPlan const plan{.languages = test::small_inputs(folder), .out = path};
    auto const tokenizer = Tokenizer::open("bytes");
    expect_error(Exit::usage, "exists", [&] { CorpusBuilder const builder(plan, tokenizer); });
}

// The corpus' own checks at open and in verify.
TEST(CorpusTest, CutForeignAndMissingFilesAreNamedAtOpen) {
    TemporaryFolder const folder;
    auto const path = small_corpus(folder);
    auto const good = test::content_of(path / "en.h5");
    auto const open = [&] { Corpus const corpus(path); };
    test::write_content(path / "en.h5", good.substr(0, good.size() - 1));
    expect_error(Exit::data, "en.h5", open);
    test::write_content(path / "en.h5", test::content_of(path / "el.h5"));
    expect_error(Exit::data, "en.h5", open);
    fs::remove(path / "en.h5");
    expect_error(Exit::data, "en.h5", open);
    fs::remove(path / "corpus.json");
    expect_error(Exit::data, "not a corpus", open);
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
    expect_error(Exit::data, "schema", with("\"schema\": 1", "\"schema\": 2"));
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

TEST(InputListTest, WordsNameLanguagesAndTheirFiles) {
    TemporaryFolder const folder;
    fs::create_directories(folder / "el");
    for (auto const* name :
         {"el/b.txt.gz", "el/a.jsonl", "el/notes.md", "zh-Hant.jsonl.xz", "LICENCE.txt",
          "sources.json"}) {
        test::write_content(folder / name, "x");
    }
    auto const inputs = read_input_list({folder.path().string()});
    ASSERT_EQ(inputs.size(), 2U);
    EXPECT_EQ(inputs[0].tag, "el");
    EXPECT_EQ(
        inputs[0].files, (std::vector<fs::path>{folder / "el/a.jsonl", folder / "el/b.txt.gz"})
    );
    EXPECT_EQ(inputs[1].tag, "zh-Hant");
    auto const el = (folder / "el").string();
    auto const named = read_input_list(
        {"zh=" + (folder / "zh-Hant.jsonl.xz").string(), "ab=" + el,
         (folder / "el/a.jsonl").string()}
    );
    ASSERT_EQ(named.size(), 2U);
    EXPECT_EQ(named[0].tag, "ab");
    EXPECT_EQ(named[0].files.size(), 3U);
    expect_error(Exit::usage, "language tag", [&] { read_input_list({"../x=" + el}); });
    expect_error(Exit::usage, "twice", [&] { read_input_list({"el=" + el, "el=" + el}); });
    expect_error(Exit::data, "not there", [&] { read_input_list({"el=" + el + "/none.txt"}); });
    expect_error(Exit::usage, "no text", [&] { read_input_list({}); });
}

}  // namespace
}  // namespace isogloss
