// integration/faults_test.cpp - what goes wrong, what the program then says, and what it leaves.
#include <gtest/gtest.h>
#include <sys/mount.h>

#include <cstdlib>

#include "integration/stage.h"

namespace isogloss {
namespace {

using test::Outcome;
using test::stage;
using test::Words;

class FaultsTest : public testing::Test {
protected:
    static void SetUpTestSuite() {
        stage = std::make_unique<test::Stage>("faults");
        auto const outcome = stage->run(2, stage->train("run", 5));
        ASSERT_EQ(outcome.code, 0) << outcome;
    }
    static void TearDownTestSuite() { stage.reset(); }
};

void expect_fault(Outcome const& outcome, int code, Words const& parts) {
    EXPECT_EQ(outcome.code, code) << outcome;
    for (auto const& part : parts) {
        EXPECT_NE(outcome.err.find(part), std::string::npos) << part << "\n" << outcome;
    }
    EXPECT_EQ(outcome.out, "");
}

// A copy to spoil.
std::filesystem::path copy_of(std::filesystem::path const& from, std::string const& name) {
    auto const to = *stage / name;
    std::filesystem::remove_all(to);
    std::filesystem::copy(from, to, std::filesystem::copy_options::recursive);
    return to;
}

void flip_byte(std::filesystem::path const& path, std::int64_t from_end) {
    std::fstream file(path, std::ios::in | std::ios::out | std::ios::binary);
    file.seekg(-from_end, std::ios::end);
    auto const byte = static_cast<char>(file.get() ^ 1);
    file.seekp(-from_end, std::ios::end);
    file.put(byte);
}

void replace_in(std::filesystem::path const& path, std::string const& old, std::string const& by) {
    auto text = test::content_of(path);
    auto const at = text.find(old);
    ASSERT_NE(at, std::string::npos) << old << " is not in " << path;
    test::write_content(path, text.replace(at, old.size(), by));
}

Words evaluate(std::filesystem::path const& checkpoint, std::filesystem::path const& corpus) {
    return {
        "evaluate", checkpoint.string(), "--corpus=" + corpus.string(), "--row-length=32",
        "--max-tokens=64"};
}

TEST_F(FaultsTest, AllFaultsOfTheOptionsAreNamedAtOnce) {
    auto const outcome = stage->run(
        2, stage->train("none", 0, {"--train.rwos=4", "--train.beta1=2", "--data.replay-share=0.5"})
    );
    expect_fault(
        outcome, 2,
        {"--train.rwos", "did you mean", "train.rows", "train.steps = 0", "train.beta1 = 2",
         "without data.replay-languages"}
    );
    EXPECT_FALSE(std::filesystem::exists(*stage / "none"));
}

TEST_F(FaultsTest, MoreRanksThanRowsAreRefused) {
    expect_fault(
        stage->run(4, stage->train("none", 5, {"--train.micro-rows=2"})), 2,
        {"train.micro-rows = 2: fewer than the 4 ranks"}
    );
}

TEST_F(FaultsTest, LanguagesThatTheCorpusHasNotAreNamed) {
    auto const words = stage->train("none", 5, {"--data.languages=xx"});
    expect_fault(stage->run(1, words), 2, {"\"xx\"", "el en hi hu tr zh"});
}

TEST_F(FaultsTest, ARowLongerThanTheModelTakesIsRefused) {
    auto const words = stage->train("none", 5, {"--train.row-length=65"});
    expect_fault(stage->run(1, words), 2, {"train.row-length = 65", "at most 64"});
}

TEST_F(FaultsTest, ARunThatMustNotResumeIsRefused) {
    expect_fault(
        stage->run(1, stage->train("run", 9, {"--run.resume=never"})), 2,
        {"has a checkpoint already", "run.out"}
    );
}

TEST_F(FaultsTest, ACorpusThatIsCutShortIsFoundBeforeUse) {
    auto const corpus = copy_of(*stage / "corpus", "cut");
    std::filesystem::resize_file(
        corpus / "el.h5", std::filesystem::file_size(corpus / "el.h5") - 100
    );
    expect_fault(stage->run(2, evaluate(*stage / "model", corpus)), 3, {"el.h5", "cut short"});
}

TEST_F(FaultsTest, AnAlteredCorpusIsFoundByVerify) {
    auto const corpus = copy_of(*stage / "corpus", "altered");
    EXPECT_EQ(stage->run(0, {"corpus", "verify", corpus.string()}).code, 0);
    flip_byte(corpus / "hu.h5", 1000);
    expect_fault(stage->run(0, {"corpus", "verify", corpus.string()}), 3, {"hu.h5"});
}

TEST_F(FaultsTest, ACorpusWithAPathThatLeavesItIsRefused) {
    auto const corpus = copy_of(*stage / "corpus", "leaving");
    replace_in(corpus / "corpus.json", "\"el.h5\"", "\"../corpus/el.h5\"");
    expect_fault(stage->run(1, evaluate(*stage / "model", corpus)), 3, {"../corpus/el.h5"});
}

TEST_F(FaultsTest, AMissingCorpusOrCheckpointIsNamed) {
    expect_fault(stage->run(1, evaluate(*stage / "model", *stage / "gone")), 3, {"gone"});
    expect_fault(stage->run(2, evaluate(*stage / "gone", *stage / "corpus")), 3, {"gone"});
}

TEST_F(FaultsTest, ADamagedShardIsFoundBeforeUse) {
    auto const cut = copy_of(*stage / "model", "cut-model");
    std::filesystem::resize_file(cut / "L01-E001.h5", 2000);
    expect_fault(stage->run(2, evaluate(cut, *stage / "corpus")), 3, {"L01-E001.h5"});

    auto const missing = copy_of(*stage / "model", "missing-model");
    std::filesystem::remove(missing / "routers.h5");
    expect_fault(stage->run(2, evaluate(missing, *stage / "corpus")), 3, {"routers.h5"});

    auto const flipped = copy_of(*stage / "model", "flipped-model");
    flip_byte(flipped / "L00-E001.h5", 200);
    expect_fault(stage->run(2, evaluate(flipped, *stage / "corpus")), 3, {"L00-E001.h5"});
    expect_fault(stage->run(0, {"model", "verify", flipped.string()}), 3, {"L00-E001.h5"});
}

TEST_F(FaultsTest, ADamagedOptimizerStateIsFoundBeforeUse) {
    auto const out = copy_of(*stage / "run", "damaged-run");
    flip_byte(stage->checkpoint("damaged-run", 5) / "optimizer-00000.h5", 500);
    expect_fault(
        stage->run(2, stage->train("damaged-run", 7)), 3, {"optimizer-00000.h5", "damaged"}
    );
    EXPECT_FALSE(std::filesystem::exists(stage->checkpoint("damaged-run", 7)));
}

TEST_F(FaultsTest, AnotherTokenizerAndAnotherShapeAreRefused) {
    auto const other = copy_of(*stage / "model", "other-tokenizer");
    auto const hash =
        read_json(other / "manifest.json").at("tokenizer").at("sha256").get<std::string>();
    replace_in(other / "manifest.json", hash, std::string(64, 'a'));
    expect_fault(
        stage->run(2, evaluate(other, *stage / "corpus")), 3, {"tokenizer", std::string(64, 'a')}
    );

    auto const wide = copy_of(*stage / "model", "other-shape");
    replace_in(wide / "manifest.json", "\"ffn_hidden\":48", "\"ffn_hidden\":64");
    expect_fault(
        stage->run(2, evaluate(wide, *stage / "corpus")), 3, {"layers.0.experts.0.gate_up.weight"}
    );
}

// A corpus of the same tokenizer whose documents begin with another token.
TEST_F(FaultsTest, AnotherSeparatorIsRefused) {
    auto const model = (*stage / "pieces.model").string();
    auto const text = "--input=" + (*stage / "text").string();
    ASSERT_EQ(
        stage->run(0, {"tokenizer", "train", text, "--vocab-size=360", "--out=" + model}).code, 0
    );
    for (auto const& [name, separator] : {std::pair{"begins", "<s>"}, std::pair{"ends", "</s>"}}) {
        auto const outcome = stage->run(
            1, {"corpus", "build", text, "--tokenizer=" + model,
                std::string("--separator=") + separator, "--valid-share=0.1",
                "--out=" + (*stage / name).string()}
        );
        ASSERT_EQ(outcome.code, 0) << outcome;
    }
    auto const from = [&](std::string const& name, Words const& tokenizer) {
        Words words{
            "model",
            "create",
            (*stage / name).string(),
            "--model.width=32",
            "--model.layers=2",
            "--model.heads=2",
            "--model.ffn-hidden=48",
            "--model.max-positions=64"};
        words.insert(words.end(), tokenizer.begin(), tokenizer.end());
        auto const outcome = stage->run(0, words);
        EXPECT_EQ(outcome.code, 0) << outcome;
        return *stage / name;
    };
    auto const begins = from("of-tokenizer", {"--tokenizer=" + model});
    EXPECT_EQ(stage->run(1, evaluate(begins, *stage / "begins")).code, 0);
    expect_fault(
        stage->run(1, evaluate(begins, *stage / "ends")), 3,
        {"begin with token 1 for this model", "with token 2", "--separator"}
    );
    auto const train = stage->train(
        "none", 5, {"--run.from=" + begins.string(), "--data.corpus=" + (*stage / "ends").string()}
    );
    expect_fault(stage->run(2, train), 3, {"begin with token 1 for this model"});
    auto const ends = from("of-word", {"--tokenizer=" + model, "--separator=</s>"});
    EXPECT_EQ(stage->run(1, evaluate(ends, *stage / "ends")).code, 0);
    auto const of_corpus = from("of-corpus", {"--corpus=" + (*stage / "ends").string()});
    expect_fault(stage->run(1, evaluate(of_corpus, *stage / "begins")), 3, {"with token 1"});
}

TEST_F(FaultsTest, AManifestWithAPathThatLeavesItsFolderIsRefused) {
    auto const model = copy_of(*stage / "model", "leaving-model");
    replace_in(model / "manifest.json", "\"routers.h5\"", "\"../model/routers.h5\"");
    expect_fault(stage->run(1, evaluate(model, *stage / "corpus")), 3, {"../model/routers.h5"});
}

TEST_F(FaultsTest, ARunFolderThatCannotBeMadeIsAFaultOfTheMachine) {
    test::write_content(*stage / "file", "no folder");
    auto const outcome = stage->run(2, stage->train("file/run", 5));
    expect_fault(outcome, 4, {"file/run"});
}

TEST_F(FaultsTest, AFullDiskLeavesThePreviousCheckpointTheNewest) {
    auto const disk = *stage / "disk";
    std::filesystem::create_directories(disk);
    if (::mount("isogloss-test", disk.c_str(), "tmpfs", 0, "size=1400k") != 0) {
        GTEST_SKIP() << "this user may not mount the small disk that the test fills";
    }
    auto const outcome = stage->run(2, stage->train("disk/run", 40, {"--train.keep-last=0"}));
    auto const left = test::half_written(disk);
    auto const newest = stage->checkpoint("disk/run", 5);
    auto const verified = stage->run(0, {"model", "verify", newest.string()});
    ::umount2(disk.c_str(), MNT_DETACH);
    expect_fault(outcome, 4, {"disk/run"});
    EXPECT_TRUE(left.empty()) << left.front();
    EXPECT_EQ(verified.code, 0) << verified;
}

TEST_F(FaultsTest, AKilledRankEndsTheWholeJob) {
    auto const job = stage->start(3, stage->train("lost-rank", 100000));
    auto const mark = (*stage / "lost-rank").string();
    ASSERT_TRUE(test::wait_until([&] { return test::losses_of(mark).size() > 3; }));
    auto const ranks = test::ranks_of(mark);
    ASSERT_EQ(ranks.size(), 3U);
    ::kill(ranks[1], SIGKILL);
    EXPECT_NE(job->wait().code, 0);
    EXPECT_TRUE(test::wait_until([&] { return test::ranks_of(mark).empty(); }));
}

TEST_F(FaultsTest, ALossThatIsNotFiniteEndsWith76) {
    auto const outcome = stage->run(
        2,
        stage->train(
            "diverged", 40,
            {"--train.learning-rate=1e30", "--train.max-not-finite=3", "--train.checkpoint-every=0"}
        )
    );
    expect_fault(outcome, 76, {"not applied (3 in a row)", "languages en, zh"});
    EXPECT_FALSE(std::filesystem::exists(stage->checkpoint("diverged", 40)));
}

TEST_F(FaultsTest, ProgramsThatSlurmStartedApartAreRefused) {
    ::setenv("SLURM_JOB_ID", "1", 1);
    ::setenv("SLURM_STEP_ID", "0", 1);
    ::setenv("SLURM_NTASKS", "2", 1);
    auto const outcome = stage->run(0, evaluate(*stage / "model", *stage / "corpus"));
    for (auto const* name : {"SLURM_JOB_ID", "SLURM_STEP_ID", "SLURM_NTASKS"}) {
        ::unsetenv(name);
    }
    expect_fault(outcome, 4, {"SLURM_NTASKS"});
}

TEST_F(FaultsTest, TextWithTooManyBadRecordsMakesNoCorpus) {
    std::filesystem::create_directories(*stage / "bad");
    test::write_content(*stage / "bad" / "en.txt", "good words\n\nbad \xFF\xFE words\n\n");
    auto const out = *stage / "bad-corpus";
    Words words{
        "corpus", "build", "--input=" + (*stage / "bad").string(), "--tokenizer=bytes",
        "--out=" + out.string()};
    expect_fault(stage->run(2, words), 3, {"en.txt", "1 of 2 records are bad", "broken_utf8"});
    EXPECT_FALSE(std::filesystem::exists(out));
    words.emplace_back("--max-bad=60");
    EXPECT_EQ(stage->run(2, words).code, 0);
}

TEST_F(FaultsTest, AllFaultsOfAPlanAreNamedAtOnce) {
    test::write_content(*stage / "plan.json", R"({"out": "x", "stages": [{"name": "a"}], "z": 1})");
    expect_fault(
        stage->run(2, {"lifelong", (*stage / "plan.json").string()}), 2,
        {"\"corpus\"", "unknown key \"z\"", "stage 1: \"languages\""}
    );
}

TEST_F(FaultsTest, GrowthRefusesWhatItCannotDo) {
    Words const words{"expand", "apply", "--from=" + (*stage / "model").string()};
    auto more = words;
    more.insert(more.end(), {"--to=" + (*stage / "model").string(), "--experts=1"});
    expect_fault(stage->run(0, more), 2, {(*stage / "model").string()});
    more = words;
    more.insert(more.end(), {"--to=" + (*stage / "no").string(), "--experts=1,2,3"});
    expect_fault(stage->run(0, more), 2, {"experts has 3 numbers", "2 layers"});
    EXPECT_FALSE(std::filesystem::exists(*stage / "no"));
}

}  // namespace
}  // namespace isogloss
