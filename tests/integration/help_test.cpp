// integration/help_test.cpp - help of every command, and the commands that the documents show.
#include <gtest/gtest.h>

#include <algorithm>
#include <fstream>
#include <iterator>
#include <map>
#include <sstream>

#include "support/program.h"

namespace isogloss {
namespace {

using test::Words;

class HelpTest : public testing::Test {
protected:
    test::Outcome run(Words const& words) { return test::run_program(words, 0, folder_ / "log"); }

    // Commands by the table of `isogloss --help`: lines that begin with two blanks.
    std::vector<Words> commands() {
        std::vector<Words> found;
        std::istringstream lines(run({"--help"}).out);
        for (std::string line; std::getline(lines, line);) {
            if (line.starts_with("  ") && line.size() > 22 && line[2] != ' ') {
                std::istringstream name(line.substr(2, 20));
                found.emplace_back(
                    std::istream_iterator<std::string>(name), std::istream_iterator<std::string>()
                );
            }
        }
        return found;
    }

    std::string help_of(Words words) {
        words.emplace_back("--help");
        auto const outcome = run(words);
        EXPECT_EQ(outcome.code, 0) << outcome;
        return outcome.out;
    }

private:
    test::TemporaryFolder folder_;
};

TEST_F(HelpTest, EveryCommandExplainsItself) {
    auto const all = commands();
    EXPECT_GT(all.size(), 10U);
    for (auto const& command : all) {
        auto const name = command.size() == 2 ? command[0] + " " + command[1] : command[0];
        auto const help = help_of(command);
        EXPECT_NE(help.find("isogloss " + name), std::string::npos) << help;
        EXPECT_NE(help.find("--"), std::string::npos) << help;
    }
}

TEST_F(HelpTest, OptionsHaveUnitsAndDefaults) {
    auto const help = help_of({"train"});
    std::map<std::string, std::string> const units{
        {"--train.row-length", "tokens"},
        {"--train.warmup-steps", "steps"},
        {"--train.rows", "rows a step"},
        {"--train.evaluate-every", "steps"},
        {"--train.seed", "1"},
        {"--data.replay-share", "in [0, 1)"}};
    for (auto const& [option, unit] : units) {
        auto const at = help.find(option);
        ASSERT_NE(at, std::string::npos) << option << "\n" << help;
        EXPECT_NE(help.substr(at, 240).find(unit), std::string::npos) << option << "\n" << help;
    }
}

struct Shown {
    std::string place;  ///< "README.md:14"
    Words words;
};

// Lines `$ ...` of ```console blocks; a '\' at the end joins the next line.
std::vector<Shown> commands_in(std::filesystem::path const& document) {
    std::vector<Shown> found;
    std::ifstream file(document);
    bool inside = false;
    int number = 0;
    for (std::string line; std::getline(file, line);) {
        ++number;
        if (line.starts_with("```")) {
            inside = line == "```console";
        }
        if (!inside || !line.starts_with("$ ")) {
            continue;
        }
        auto const place = document.filename().string() + ":" + std::to_string(number);
        auto command = line.substr(2);
        while (command.ends_with('\\') && std::getline(file, line)) {
            ++number;
            command.back() = ' ';
            command += line;
        }
        std::istringstream words(command);
        found.push_back(
            {place,
             {std::istream_iterator<std::string>(words), std::istream_iterator<std::string>()}}
        );
    }
    return found;
}

std::vector<Shown> all_shown() {
    std::filesystem::path const root(ISOGLOSS_TEST_SOURCE);
    std::vector<Shown> all = commands_in(root / "README.md");
    std::error_code error;
    for (auto const& entry : std::filesystem::recursive_directory_iterator(root / "docs", error)) {
        if (entry.path().extension() == ".md") {
            auto const its = commands_in(entry.path());
            all.insert(all.end(), its.begin(), its.end());
        }
    }
    return all;
}

// `a && b`, and what starts programs, taken off the front: words from `isogloss` on.
Words program_words(Words const& words) {
    auto const is_program = [](std::string const& word) {
        return word == "isogloss" || word.ends_with("/isogloss");
    };
    auto const begin = std::ranges::find_if(words, is_program);
    auto const end = std::find_if(begin, words.end(), [](std::string const& word) {
        return word == "&&" || word == "|" || word == ">";
    });
    return begin == words.end() ? Words() : Words(begin + 1, end);
}

TEST_F(HelpTest, OptionsInTheDocumentsExist) {
    auto const known = commands();
    int seen = 0;
    for (auto const& [place, line] : all_shown()) {
        auto const words = program_words(line);
        if (words.empty() || words[0].starts_with("--")) {
            continue;
        }
        auto const command = std::ranges::find_if(known, [&](Words const& name) {
            return name.size() <= words.size() &&
                   std::equal(name.begin(), name.end(), words.begin());
        });
        ASSERT_NE(command, known.end()) << place << ": no such command: " << words[0];
        auto help = help_of(*command);
        if (std::ranges::count(words, "--mixture") > 0) {  // has a table of options of its own
            auto mixture = *command;
            mixture.emplace_back("--mixture");
            help += help_of(mixture);
        }
        for (auto const& word : words) {
            if (word.starts_with("--")) {
                auto const name = word.substr(0, word.find('='));
                EXPECT_NE(help.find(name), std::string::npos) << place << ": " << name;
                ++seen;
            }
        }
    }
    std::filesystem::path const root(ISOGLOSS_TEST_SOURCE);
    if (!std::filesystem::exists(root / "README.md")) {
        GTEST_SKIP() << "there are no documents beside this build";
    }
    EXPECT_GT(seen, 10);
}

TEST_F(HelpTest, ScriptsInTheDocumentsExist) {
    std::filesystem::path const root(ISOGLOSS_TEST_SOURCE);
    for (auto const& [place, words] : all_shown()) {
        for (auto const& word : words) {
            auto const name = word.starts_with("./") ? word.substr(2) : word;
            bool const is_script = name.starts_with("launch/") || name.starts_with("data/") ||
                                   name.starts_with("slurm/") || name.starts_with("analysis/");
            if (is_script && &word == &words.front()) {
                auto const mode = std::filesystem::status(root / name).permissions();
                EXPECT_NE(mode & std::filesystem::perms::owner_exec, std::filesystem::perms::none)
                    << place << ": " << name << " is no program";
            }
        }
    }
}

}  // namespace
}  // namespace isogloss
