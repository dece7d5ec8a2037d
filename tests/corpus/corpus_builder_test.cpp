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

std::vector<LanguageText> one_file(std::string const& tag, fs::path const& file) {
    return cut_input({{tag, {file}}}, kInputPieceBytes);
}

void expect_same_files(fs::path const& a, fs::path const& b) {
    std::size_t files = 0;
    for (auto const& entry : fs::directory_iterator(a)) {
        auto const name = entry.path().filename();
        EXPECT_EQ(test::content_of(entry.path()), test::content_of(b / name)) << name;
        ++files;
    }
    EXPECT_EQ(files, static_cast<std::size_t>(std::distance(fs::directory_iterator(b), {})));
}

// Forks, runs `work` and waits for the child to have killed itself in the middle of it.
template <class Work>
void run_until_killed(Work&& work) {
    auto const child = ::fork();
    ASSERT_GE(child, 0);
    if (child == 0) {
        work();
        ::raise(SIGKILL);
    }
    int status = 0;
    ::waitpid(child, &status, 0);
    ASSERT_TRUE(WIFSIGNALED(status));
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
            bool const is_valid = split_of(text_hash(expected), 0.2) == Split::valid;
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
    BuildPlan plan{.languages = test::small_texts(folder), .out = folder / "r1"};
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
    BuildPlan plan{.languages = test::small_texts(folder), .out = folder / "straight"};
    build_corpus(plan, tokenizer, 1);
    plan.out = folder / "killed";
    for (int when = 0; when < 6; ++when) {  // after 0, 1, .. reports, then while joining
        run_until_killed([&] {
            CorpusBuilder const builder(plan, tokenizer);
            builder.prepare();
            int calls = 0;
            builder.make_parts(0, 1, [&](std::int64_t, std::string const&) {
                if (calls++ == when) {
                    ::raise(SIGKILL);
                }
            });
            builder.assemble(0, 2);
        });
        EXPECT_FALSE(fs::exists(plan.out));
    }
    build_corpus(plan, tokenizer, 2);
    EXPECT_FALSE(fs::exists(folder / "killed.partial"));
    expect_same_files(folder / "straight", plan.out);
}

// Finished parts are not read again: their text may be gone.
TEST(CorpusBuilderTest, FinishedPartsAreNotMadeAgain) {
    TemporaryFolder const folder;
    auto const tokenizer = Tokenizer::open("bytes");
    BuildPlan const plan{
        .languages = cut_input(test::small_inputs(folder), 512), .out = folder / "corpus"};
    {
        CorpusBuilder const builder(plan, tokenizer);
        builder.prepare();
        builder.make_parts(0, 2, [](std::int64_t, std::string const&) {});
        builder.make_parts(1, 2, [](std::int64_t, std::string const&) {});
    }
    for (auto const* name : {"el-0", "el-1", "en-0", "en-1", "zh"}) {
        fs::remove(folder / (std::string(name) + ".jsonl"));
    }
    build_corpus(plan, tokenizer, 3);
    verify_corpus(plan.out);
}

// Killed after the renaming that makes the corpus, before its records are removed.
TEST(CorpusBuilderTest, KilledAtItsVeryEndGoesOnToo) {
    TemporaryFolder const folder;
    auto const tokenizer = Tokenizer::open("bytes");
    BuildPlan plan{.languages = test::small_texts(folder), .out = folder / "straight"};
    build_corpus(plan, tokenizer, 1);
    plan.out = folder / "killed";
    {
        CorpusBuilder const builder(plan, tokenizer);
        builder.prepare();
        builder.make_parts(0, 1, [](std::int64_t, std::string const&) {});
        ASSERT_EQ(builder.assemble(0, 1), "");
        fs::rename(folder / "killed.partial", plan.out);  // what commit() does, cut off
    }
    build_corpus(plan, tokenizer, 1);
    expect_same_files(folder / "straight", plan.out);
    expect_error(Exit::usage, "exists", [&] { CorpusBuilder const builder(plan, tokenizer); });
}

// Cut into pieces of any size, the text gives the same files.
TEST(CorpusBuilderTest, RangesLeaveNoTraceInTheCorpus) {
    TemporaryFolder const folder;
    auto const tokenizer = Tokenizer::open("bytes");
    auto const inputs = test::small_inputs(folder);
    BuildPlan plan{.languages = test::small_texts(folder), .out = folder / "whole"};
    plan.valid_share = 0.2;
    build_corpus(plan, tokenizer, 1);
    for (std::int64_t const bytes : {100, 333, 5000}) {
        plan.languages = cut_input(inputs, bytes);
        plan.out = folder / std::to_string(bytes);
        build_corpus(plan, tokenizer, 3);
        expect_same_files(folder / "whole", plan.out);
    }
}

// Texts a, b, a, c in two files: the second a goes, wherever ranks and ranges part the text.
TEST(CorpusBuilderTest, TheFirstOfEqualDocumentsStays) {
    TemporaryFolder const folder;
    test::write_content(folder / "0.txt", "a\n\nb\n\n");
    test::write_content(folder / "1.txt", "a\n\nc\n");
    auto const tokenizer = Tokenizer::open("bytes");
    std::vector<LanguageInput> const inputs{{"el", {folder / "0.txt", folder / "1.txt"}}};
    for (std::int64_t const bytes : {2, 1000}) {
        BuildPlan plan{.languages = cut_input(inputs, bytes), .out = folder / "dropped"};
        plan.valid_share = 0.0;
        auto const reports = build_corpus(plan, tokenizer, 2);
        EXPECT_EQ(reports.at(0).record.duplicates, 1);
        EXPECT_EQ(reports.at(0).record.records, 4);
        Corpus const corpus(plan.out);
        using Texts = std::vector<std::string>;
        EXPECT_EQ(split_documents(corpus, 0, Split::train), (Texts{"a", "b", "c"}));
        fs::remove_all(plan.out);
        plan.duplicates = Duplicates::keep;
        EXPECT_EQ(build_corpus(plan, tokenizer, 2).at(0).record.duplicates, 0);
        Corpus const kept(plan.out);
        EXPECT_EQ(split_documents(kept, 0, Split::train), (Texts{"a", "b", "a", "c"}));
        fs::remove_all(plan.out);
    }
}

TEST(CorpusBuilderTest, WordsAndCharactersAreCounted) {
    TemporaryFolder const folder;
    test::write_content(folder / "a.txt", "η θάλασσα\nis\n\n蓝色\n");
    BuildPlan const plan{
        .languages = one_file("el", folder / "a.txt"), .out = folder / "c", .valid_share = 0.0};
    auto const counts = build_corpus(plan, Tokenizer::open("bytes"), 1).at(0).record.both_splits();
    EXPECT_EQ(counts.words, 4);        // η, θάλασσα, is, 蓝色
    EXPECT_EQ(counts.characters, 14);  // 1 + 1 + 7 + 1 + 2, then 2
    EXPECT_EQ(counts.unspaced, 2);
}

struct Added {
    std::vector<LanguageInput> first;
    std::vector<LanguageInput> second;
};
Added added_inputs(TemporaryFolder const& folder) {
    auto const all = test::small_inputs(folder);
    return {.first = {all[1]}, .second = {all[0], all[2]}};
}

TEST(CorpusBuilderTest, AddedLanguagesLeaveTheFilesThatAreThere) {
    TemporaryFolder const folder;
    auto const tokenizer = Tokenizer::open("bytes");
    auto const [first, second] = added_inputs(folder);
    BuildPlan plan{.languages = cut_input(first, 4000), .out = folder / "grown"};
    build_corpus(plan, tokenizer, 1);
    auto const time = fs::last_write_time(plan.out / "en.h5");
    plan.mode = BuildMode::add;
    plan.languages = cut_input(second, 4000);
    auto const reports = build_corpus(plan, tokenizer, 2);
    ASSERT_EQ(reports.size(), 2U);
    EXPECT_EQ(reports[0].record.tag, "el");
    EXPECT_EQ(fs::last_write_time(plan.out / "en.h5"), time);
    verify_corpus(plan.out);
    EXPECT_FALSE(fs::exists(folder / "grown.partial"));
    BuildPlan const at_once{.languages = test::small_texts(folder), .out = folder / "at once"};
    build_corpus(at_once, tokenizer, 1);
    expect_same_files(folder / "at once", plan.out);
}

TEST(CorpusBuilderTest, WhatCannotBeAddedIsRefused) {
    TemporaryFolder const folder;
    auto const tokenizer = Tokenizer::open("bytes");
    auto const [first, second] = added_inputs(folder);
    BuildPlan plan{.languages = cut_input(first, 4000), .out = folder / "grown"};
    plan.mode = BuildMode::add;
    auto const begin = [&] { CorpusBuilder const builder(plan, tokenizer); };
    expect_error(Exit::data, "not a corpus", begin);
    plan.mode = BuildMode::create;
    build_corpus(plan, tokenizer, 1);
    plan.mode = BuildMode::add;
    expect_error(Exit::usage, "has en already", begin);
    plan.languages = cut_input(second, 4000);
    plan.valid_share = 0.5;
    expect_error(Exit::usage, "holds out 0.01", begin);
}

// Killed in the parts, while joining, after the files were moved in, after the manifest.
TEST(CorpusBuilderTest, KilledAddingLeavesTheOldCorpusAndGoesOn) {
    TemporaryFolder const folder;
    auto const tokenizer = Tokenizer::open("bytes");
    auto const [first, second] = added_inputs(folder);
    BuildPlan plan{.languages = cut_input(first, 4000), .out = folder / "grown"};
    build_corpus(plan, tokenizer, 1);
    auto const old_manifest = test::content_of(plan.out / "corpus.json");
    plan.mode = BuildMode::add;
    plan.languages = cut_input(second, 4000);
    for (int when = 0; when < 3; ++when) {
        run_until_killed([&] {
            CorpusBuilder const builder(plan, tokenizer);
            builder.prepare();
            builder.make_parts(0, when == 0 ? 2 : 1, [](std::int64_t, std::string const&) {});
            if (when > 0) {
                builder.assemble(0, when == 1 ? 2 : 1);
            }
            if (when == 2) {
                fs::rename(folder / "grown.partial" / "el.h5", plan.out / "el.h5");
            }
        });
        EXPECT_EQ(test::content_of(plan.out / "corpus.json"), old_manifest);
        verify_corpus(plan.out);
    }
    fs::copy(folder / "grown.partial", folder / "kept", fs::copy_options::recursive);
    build_corpus(plan, tokenizer, 1);
    verify_corpus(plan.out);
    EXPECT_EQ(Corpus(plan.out).languages().size(), 3U);
    fs::remove(folder / "kept" / "zh.h5");
    fs::rename(folder / "kept", folder / "grown.partial");  // as if killed after the manifest
    build_corpus(plan, tokenizer, 1);
    EXPECT_FALSE(fs::exists(folder / "grown.partial"));
    BuildPlan const at_once{.languages = test::small_texts(folder), .out = folder / "at once"};
    build_corpus(at_once, tokenizer, 1);
    expect_same_files(folder / "at once", plan.out);
}

TEST(CorpusBuilderTest, ChangedTextIsTokenizedAgain) {
    TemporaryFolder const folder;
    auto const tokenizer = Tokenizer::open("bytes");
    BuildPlan const plan{.languages = test::small_texts(folder), .out = folder / "corpus"};
    {
        CorpusBuilder const builder(plan, tokenizer);  // all but the commit
        builder.prepare();
        builder.make_parts(0, 1, [](std::int64_t, std::string const&) {});
        ASSERT_EQ(builder.assemble(0, 1), "");
    }
    test::write_content(folder / "zh.jsonl", "{\"text\": \"新\"}\n");
    BuildPlan const again{
        .languages = cut_input(
            {{"el", {folder / "el-0.jsonl", folder / "el-1.jsonl"}},
             {"en", {folder / "en-0.jsonl", folder / "en-1.jsonl"}},
             {"zh", {folder / "zh.jsonl"}}},
            kInputPieceBytes
        ),
        .out = plan.out};
    build_corpus(again, tokenizer, 1);
    Corpus const corpus(plan.out);
    EXPECT_EQ(corpus.languages()[2].counts(Split::train).bytes_of_text, 3);
    verify_corpus(plan.out);
}

TEST(CorpusBuilderTest, TextThatChangesWhileItIsReadIsRefused) {
    TemporaryFolder const folder;
    auto const tokenizer = Tokenizer::open("bytes");
    BuildPlan const plan{.languages = test::small_texts(folder), .out = folder / "corpus"};
    test::write_content(folder / "zh.jsonl", "{\"text\": \"新\"}\n");
    expect_error(Exit::data, "zh.jsonl: had ", [&] { build_corpus(plan, tokenizer, 1); });
    EXPECT_FALSE(fs::exists(plan.out));
}

TEST(CorpusBuilderTest, TooManyBadRecordsStopTheBuildAndLeaveNothing) {
    TemporaryFolder const folder;
    test::write_content(folder / "en.jsonl", test::jsonl_of("en", 0, 9) + "{\"text\": \"\xFF\"}\n");
    auto const tokenizer = Tokenizer::open("bytes");
    BuildPlan plan{.languages = one_file("en", folder / "en.jsonl"), .out = folder / "corpus"};
    expect_error(Exit::data, "en: 1 of 10 records are bad (10 %)", [&] {
        build_corpus(plan, tokenizer, 1);
    });
    EXPECT_FALSE(fs::exists(folder / "corpus"));
    EXPECT_FALSE(fs::exists(folder / "corpus.partial"));
    plan.max_bad = 10.0;
    auto const reports = build_corpus(plan, tokenizer, 1);
    EXPECT_EQ(reports.at(0).places.at(0), "en.jsonl line 10: broken_utf8");
    EXPECT_EQ(reports.at(0).record.records, 10);
    EXPECT_EQ(reports.at(0).record.faults[static_cast<std::size_t>(Fault::broken_utf8)], 1);
}

TEST(CorpusBuilderTest, OneBadLanguageLeavesNothingOfTheGoodOnesEither) {
    TemporaryFolder const folder;
    test::write_content(folder / "el.jsonl", test::jsonl_of("el", 0, 10));
    test::write_content(folder / "en.jsonl", test::jsonl_of("en", 0, 9) + "{\"text\": \"\xFF\"}\n");
    auto const tokenizer = Tokenizer::open("bytes");
    BuildPlan plan{
        .languages = cut_input(
            {{"el", {folder / "el.jsonl"}}, {"en", {folder / "en.jsonl"}}}, kInputPieceBytes
        ),
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
        .languages = one_file("en", folder / "en.jsonl"),
        .out = folder / "corpus",
        .max_bad = 10.0};
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

TEST(CorpusBuilderTest, FolderThatExistsIsNotOverwritten) {
    TemporaryFolder const folder;
    auto const path = small_corpus(folder);
    BuildPlan const plan{.languages = test::small_texts(folder), .out = path};
    auto const tokenizer = Tokenizer::open("bytes");
    expect_error(Exit::usage, "exists", [&] { CorpusBuilder const builder(plan, tokenizer); });
}

}  // namespace
}  // namespace isogloss
