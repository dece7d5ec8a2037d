// tests/base/options_test.cpp
#include "base/options.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <limits>

#include "base/error.h"

namespace isogloss {
namespace {

enum class Shade { light, dark };

struct Target {
    std::string text = "plain";
    std::filesystem::path path = "out";
    std::int32_t rows = 16;
    std::int64_t tokens = 1;
    std::uint64_t seed = 7;
    float rate = 0.1F;
    double share = 1.0 / 3.0;
    bool fast = false;
    bool tied = true;
    std::vector<std::string> languages{"en", "zh"};
    std::vector<std::int64_t> layers;
    std::vector<double> shares{0.5, 0.25};
    std::optional<std::int64_t> limit;
    std::optional<std::filesystem::path> resume;
    Shade shade = Shade::light;
    std::string corpus = "c";
    std::vector<std::string> files;

    bool operator==(Target const&) const = default;
};

class OptionsTest : public testing::Test {
protected:
    OptionsTest() {
        std::filesystem::remove_all(folder);
        std::filesystem::create_directories(folder);
    }
    ~OptionsTest() override { std::filesystem::remove_all(folder); }

    static Options options_of(Target& target) {
        Options options("train", "Trains.");
        options.add("text", target.text, "a text");
        options.add("path", target.path, "a path");
        options.add("train.rows", target.rows, "sequences");
        options.add("train.tokens", target.tokens, "tokens");
        options.add("train.seed", target.seed, "seed");
        options.add("train.rate", target.rate, "learning rate");
        options.add("data.share", target.share, "share");
        options.add("data.fast", target.fast, "a flag");
        options.add("data.tied", target.tied, "a flag that is on");
        options.add("data.languages", target.languages, "tags");
        options.add("model.layers", target.layers, "indices");
        options.add("model.shares", target.shares, "shares");
        options.add("model.limit", target.limit, "steps");
        options.add("model.resume", target.resume, "where from");
        options.add_choice(
            "model.shade", target.shade, {{"light", Shade::light}, {"dark", Shade::dark}}, "which"
        );
        options.add_positional("corpus", target.corpus, "a corpus");
        options.add_positional("files", target.files, "texts", Presence::optional);
        return options;
    }

    std::string write(std::string const& name, std::string const& text) const {
        auto const path = folder / name;
        std::ofstream(path) << text;
        return path.string();
    }

    static std::string fault_of(Options& options, std::vector<std::string> const& words) {
        try {
            options.parse(words);
        } catch (Error const& error) {
            EXPECT_EQ(error.code(), Exit::usage);
            return error.what();
        }
        return "";
    }

    std::filesystem::path folder = std::filesystem::path(testing::TempDir()) / "options_test";
};

TEST_F(OptionsTest, EveryTypeIsReadFromTheCommandLine) {
    Target target;
    auto options = options_of(target);
    std::vector<std::string> const words{
        "my corpus",
        "--text=a b",
        "--path",
        "x/y",
        "--train.rows",
        "-3",
        "--train.tokens",
        "9000000000",
        "--train.seed=18446744073709551615",
        "--train.rate",
        "3e-4",
        "--data.share=0.1",
        "--data.fast",
        "one.txt",
        "--data.tied=false",
        "--data.languages",
        "el, hu,tr",
        "--model.layers=0,7",
        "--model.shares=",
        "--model.limit=12",
        "--model.resume=r",
        "--model.shade",
        "dark",
        "two.txt"};
    EXPECT_EQ(options.parse(words), Parsed::run);
    Target expected;
    expected.text = "a b";
    expected.path = "x/y";
    expected.rows = -3;
    expected.tokens = 9000000000;
    expected.seed = std::numeric_limits<std::uint64_t>::max();
    expected.rate = 3e-4F;
    expected.share = 0.1;
    expected.fast = true;
    expected.tied = false;
    expected.languages = {"el", "hu", "tr"};
    expected.layers = {0, 7};
    expected.shares = {};
    expected.limit = 12;
    expected.resume = "r";
    expected.shade = Shade::dark;
    expected.corpus = "my corpus";
    expected.files = {"one.txt", "two.txt"};
    EXPECT_TRUE(target == expected) << options.resolved();
}

TEST_F(OptionsTest, WhatIsNotGivenKeepsItsDefault) {
    Target target;
    auto options = options_of(target);
    options.parse(std::vector<std::string>{"c"});
    EXPECT_TRUE(target == Target{});
}

TEST_F(OptionsTest, TheFileIsReadAndTheCommandLineOverridesIt) {
    auto const file = write(
        "run.cfg",
        "# a run\ntext = from the file  # and a comment\ncorpus = c\n"
        "[train]\nrows = 1\nrate = 0.5\n[data]\nfast = true\nlanguages = a,b\n"
    );
    Target target;
    auto options = options_of(target);
    options.parse(std::vector<std::string>{"--train.rows=2", "--config", file});
    EXPECT_EQ(target.text, "from the file");
    EXPECT_EQ(target.rows, 2);
    EXPECT_EQ(target.rate, 0.5F);
    EXPECT_TRUE(target.fast);
    EXPECT_EQ(target.languages, (std::vector<std::string>{"a", "b"}));
}

TEST_F(OptionsTest, TheResolvedTextGivesTheSameValuesAgain) {
    Target first;
    first.text = " a # \"quoted\"\n\tline \\n ";
    first.path = "pa#th";
    first.rate = 0.1F + 1e-8F;
    first.share = 0.1 + 0.2;
    first.tied = false;
    first.fast = true;
    first.layers = {3, 1};
    first.limit = 0;
    first.shade = Shade::dark;
    first.files = {"a.txt", "b.txt"};
    auto const text = options_of(first).resolved();

    Target second;
    auto options = options_of(second);
    options.parse(std::vector<std::string>{"--config", write("resolved.cfg", text)});
    EXPECT_TRUE(second == first) << text << "---\n" << options.resolved();
    EXPECT_EQ(options.resolved(), text);
}

TEST_F(OptionsTest, AllFaultsAreFoundAtOnce) {
    auto const file = write("run.cfg", "[train]\nrwos = 3\nrate = fast\n[model]\nlimit = 7x\n");
    Target target;
    auto options = options_of(target);
    options.add_check([] { return std::vector<std::string>{"data.share = 0.3: must be < 0.1"}; });
    auto const fault = fault_of(
        options, {"--config=" + file, "--data.lagnuages=en", "--model.shade=grey", "--train.rows=1",
                  "--train.rows=2", "--data.fast=maybe", "--train.tokens=99999999999999999999"}
    );
    EXPECT_NE(fault.find("10 faults:\n"), std::string::npos) << fault;
    for (std::string const part : {
             "run.cfg: train.rwos: unknown option; did you mean train.rows?",
             "run.cfg: train.rate = fast: expected a number",
             "run.cfg: model.limit = 7x: expected a whole number",
             "--data.lagnuages: unknown option; did you mean --data.languages?",
             "--model.shade = grey: expected one of light|dark",
             "--train.rows is given twice: 1, 2",
             "--data.fast = maybe: expected true or false",
             "--train.tokens = 99999999999999999999: expected a whole number in "
             "[-9223372036854775808",
             "corpus is missing: a corpus",
             "data.share = 0.3: must be < 0.1",
         }) {
        EXPECT_NE(fault.find(part), std::string::npos) << part << "\nin:\n" << fault;
    }
}

TEST_F(OptionsTest, AFaultyValueLeavesTheTargetAlone) {
    Target target;
    auto options = options_of(target);
    EXPECT_NE(fault_of(options, {"c", "--train.rows=x", "--model.layers=1,b"}), "");
    EXPECT_TRUE(target == Target{});
}

TEST_F(OptionsTest, NumbersAreReadToTheirEndAndAreFinite) {
    for (std::string const word :
         {"--train.rate=0.5x", "--data.share=inf", "--data.share=nan", "--train.rate=1e99",
          "--train.rows=1.5", "--train.rows=2147483648", "--train.seed=-1", "--train.tokens= 1",
          "--train.tokens="}) {
        Target target;
        auto options = options_of(target);
        EXPECT_NE(fault_of(options, {"c", word}).find("1 fault:"), std::string::npos) << word;
        EXPECT_TRUE(target == Target{}) << word;
    }
}

TEST_F(OptionsTest, ARuleThatNamesAFaultyValueIsNotReported) {
    Target target;
    auto options = options_of(target);
    options.add_check([] {
        return std::vector<std::string>{
            "train.tokens = 1: must be a multiple of train.rows = 16",
            "train.rows_of_all = 1: another name", "data.share = 1: stays"};
    });
    auto const fault = fault_of(options, {"c", "--train.rows=x"});
    EXPECT_NE(fault.find("3 faults"), std::string::npos) << fault;
    EXPECT_EQ(fault.find("must be a multiple"), std::string::npos) << fault;
}

TEST_F(OptionsTest, AMissingValueIsAFaultAmongOthers) {
    Target target;
    auto options = options_of(target);
    auto const fault = fault_of(options, {"c", "--nonsense", "7", "--train.rows"});
    EXPECT_NE(fault.find("2 faults"), std::string::npos) << fault;
    EXPECT_NE(fault.find("--train.rows: a value is missing"), std::string::npos) << fault;
    EXPECT_NE(fault.find("--nonsense: unknown option"), std::string::npos) << fault;
}

TEST_F(OptionsTest, AWordTooManyIsAFault) {
    bool flag = false;
    Options options("plan", "Plans.");
    options.add("flag", flag, "a flag");
    EXPECT_NE(
        fault_of(options, {"--flag", "true"}).find("true: a word too many"), std::string::npos
    );
}

TEST_F(OptionsTest, ShortenedNamesAreUnknown) {
    Target target;
    auto options = options_of(target);
    EXPECT_NE(fault_of(options, {"c", "--tex=a"}).find("did you mean --text?"), std::string::npos);
}

TEST_F(OptionsTest, BadConfigFilesAreNamed) {
    Target target;
    auto options = options_of(target);
    auto const missing = (folder / "none.cfg").string();
    EXPECT_NE(fault_of(options, {"c", "--config", missing}).find(missing), std::string::npos);
    auto const broken = write("broken.cfg", "this is no line\n");
    EXPECT_NE(fault_of(options, {"c", "--config", broken}).find(broken), std::string::npos);
    EXPECT_NE(
        fault_of(options, {"c", "--config", folder.string()}).find("cannot be read"),
        std::string::npos
    );
}

TEST_F(OptionsTest, SettingsOfAPlanAreTakenLikeOptions) {
    Target target;
    auto options = options_of(target);
    options.set(
        std::vector<Setting>{{"train.rows", "64"}, {"corpus", "d"}, {"data.fast", "true"}},
        "plan.json, stage 2"
    );
    EXPECT_EQ(target.rows, 64);
    EXPECT_EQ(target.corpus, "d");
    EXPECT_TRUE(target.fast);
    try {
        options.set(std::vector<Setting>{{"train.rosw", "64"}}, "plan.json, stage 2");
        FAIL();
    } catch (Error const& error) {
        EXPECT_NE(
            std::string(error.what())
                .find("plan.json, stage 2: train.rosw: unknown option; did you mean train.rows?"),
            std::string::npos
        ) << error.what();
    }
}

TEST_F(OptionsTest, HelpHasEveryNameFormDefaultAndSection) {
    Target target;
    auto options = options_of(target);
    EXPECT_EQ(options.parse(std::vector<std::string>{"--train.rows=x", "--help"}), Parsed::help);
    auto const help = options.help();
    for (std::string const part :
         {"isogloss train [options] CORPUS [FILES ...]\n\nTrains.\n", "\ntrain:\n",
          "--train.rows N                  sequences (16)\n", "--data.languages A,B,..",
          "tags (en,zh)", "--model.shade light|dark", "which (light)", "--config FILE"}) {
        EXPECT_NE(help.find(part), std::string::npos) << part << "\nin:\n" << help;
    }
}

TEST_F(OptionsTest, LongHelpIsBrokenWithinAHundredColumns) {
    std::string value;
    std::string words;
    for (int i = 0; i < 60; ++i) {
        words += (i == 0 ? "" : " ") + std::string("word");
    }
    Options options("x", words);
    options.add("a_name_that_is_much_longer_than_the_column", value, words);
    auto const help = options.help();
    std::size_t seen = 0;
    for (std::size_t at = 0; at < help.size();) {
        auto const end = help.find('\n', at);
        EXPECT_LE(end - at, 100U);
        at = end + 1;
    }
    for (auto at = help.find("word"); at != std::string::npos; at = help.find("word", at + 1)) {
        ++seen;
    }
    EXPECT_EQ(seen, 2 * 60U);
}

}  // namespace
}  // namespace isogloss
