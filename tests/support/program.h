// support/program.h - runs the built program as a user does: alone or under mpirun, to be killed.
#pragma once

#include <fcntl.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <filesystem>
#include <fstream>
#include <functional>
#include <sstream>
#include <string>
#include <thread>
#include <vector>

#include "support/temporary_folder.h"

namespace isogloss::test {

using Words = std::vector<std::string>;

struct Outcome {
    int code = -1;  ///< exit code, or minus the signal that ended it
    std::string out;
    std::string err;
};

inline std::ostream& operator<<(std::ostream& stream, Outcome const& outcome) {
    return stream << "exit code " << outcome.code << "\n--- standard output\n"
                  << outcome.out << "--- standard error\n"
                  << outcome.err;
}

/// The program ended with `code`, and its standard error says each of `parts`.
inline void expect_parts(Outcome const& outcome, int code, Words const& parts) {
    EXPECT_EQ(outcome.code, code) << outcome;
    for (auto const& part : parts) {
        EXPECT_NE(outcome.err.find(part), std::string::npos) << part << "\n" << outcome;
    }
}

/// Asks until `condition` holds, for at most `seconds`. Returns whether it did.
inline bool wait_until(std::function<bool()> const& condition, double seconds = 60.0) {
    auto const end = std::chrono::steady_clock::now() + std::chrono::duration<double>(seconds);
    while (!condition()) {
        if (std::chrono::steady_clock::now() > end) {
            return false;
        }
        std::this_thread::sleep_for(std::chrono::milliseconds(5));
    }
    return true;
}

/// The program (ISOGLOSS_TEST_PROGRAM) with these words; ranks = 0 runs it without mpirun.
inline Words command_line(Words const& words, int ranks) {
    Words all;
    if (ranks > 0) {
        all = {ISOGLOSS_TEST_MPIEXEC, "-n", std::to_string(ranks)};
    }
    all.emplace_back(ISOGLOSS_TEST_PROGRAM);
    all.insert(all.end(), words.begin(), words.end());
    return all;
}

/// A started command. Waited for, or killed, when destroyed.
class Job {
public:
    Job(Words const& words, std::filesystem::path const& log) : log_(log) {
        std::vector<char*> arguments;
        for (auto const& word : words) {
            arguments.push_back(const_cast<char*>(word.c_str()));
        }
        arguments.push_back(nullptr);
        pid_ = ::fork();
        if (pid_ == 0) {
            redirect(STDOUT_FILENO, log_.string() + ".out");
            redirect(STDERR_FILENO, log_.string() + ".err");
            ::execvp(arguments[0], arguments.data());
            ::_exit(127);
        }
    }
    ~Job() {
        if (!waited_) {
            ::kill(pid_, SIGKILL);
            wait();
        }
    }
    Job(Job const&) = delete;
    Job& operator=(Job const&) = delete;

    void send(int signal) const { ::kill(pid_, signal); }

    Outcome wait() {
        int status = 0;
        ::waitpid(pid_, &status, 0);
        waited_ = true;
        return {
            WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status),
            content_of(log_.string() + ".out"), content_of(log_.string() + ".err")};
    }

private:
    static void redirect(int stream, std::string const& path) {
        int const file = ::open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC, 0600);
        ::dup2(file, stream);
    }

    std::filesystem::path log_;
    pid_t pid_ = -1;
    bool waited_ = false;
};

/// Processes of the program, mpirun not included, whose command line has `mark` in it.
inline std::vector<pid_t> ranks_of(std::string const& mark) {
    std::vector<pid_t> found;
    std::error_code error;
    for (auto const& entry : std::filesystem::directory_iterator("/proc", error)) {
        auto const name = entry.path().filename().string();
        if (name.find_first_not_of("0123456789") != std::string::npos) {
            continue;
        }
        std::ostringstream content;
        content << std::ifstream(entry.path() / "cmdline").rdbuf();  // empty if it ends meanwhile
        auto const line = content.str();
        if (line.starts_with(ISOGLOSS_TEST_PROGRAM) && line.find(mark) != std::string::npos) {
            found.push_back(static_cast<pid_t>(std::stol(name)));
        }
    }
    return found;
}

/// Runs the program to its end.
inline Outcome run_program(Words const& words, int ranks, std::filesystem::path const& log) {
    return Job(command_line(words, ranks), log).wait();
}

/// Some text that can be learned: words of `vocabulary` in an order that `seed` fixes, `documents`
/// documents of about `length` bytes.
inline std::vector<std::string> made_text(
    Words const& vocabulary, int documents, std::size_t length, std::uint64_t seed
) {
    std::vector<std::string> made;
    std::uint64_t state = seed * 2654435761U + 1;
    for (int d = 0; d < documents; ++d) {
        std::string text;
        while (text.size() < length) {
            state = state * 6364136223846793005U + 1442695040888963407U;
            text += (text.empty() ? "" : " ") + vocabulary[(state >> 33U) % vocabulary.size()];
        }
        made.push_back(text);
    }
    return made;
}

/// FOLDER/TAG.txt in six scripts: English, Greek, Hindi, Hungarian, Turkish, Chinese. The words are
/// single ones, written for this test.
inline void write_text(std::filesystem::path const& folder) {
    std::filesystem::create_directories(folder);
    std::vector<std::pair<std::string, Words>> const languages{
        {"en", {"water", "the", "house", "of", "light", "and", "under", "stone", "bird"}},
        {"el", {"νερό", "το", "σπίτι", "του", "φως", "και", "κάτω", "πέτρα", "πουλί"}},
        {"hi", {"पानी", "घर", "का", "प्रकाश", "और", "नीचे", "पत्थर", "पक्षी"}},
        {"hu", {"víz", "a", "ház", "fény", "és", "alatt", "kő", "madár", "egy"}},
        {"tr", {"su", "ev", "ışık", "ve", "altında", "taş", "kuş", "bir"}},
        {"zh", {"水", "房子", "的", "光", "和", "下面", "石头", "鸟"}}};
    std::uint64_t seed = 1;
    for (auto const& [tag, words] : languages) {
        std::string text;
        for (auto const& document : made_text(words, 60, 120, ++seed)) {
            text += document + "\n\n";
        }
        write_content(folder / (tag + ".txt"), text);
    }
}

}  // namespace isogloss::test
