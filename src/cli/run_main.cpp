// cli/run_main.cpp
#include "cli/run_main.h"

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <thread>

#include "base/require.h"
#include "base/text.h"
#include "cli/processor.h"
#include "cli/version.h"
#include "comm/failure_notice.h"
#include "comm/mpi_abort.h"
#include "comm/world.h"

namespace isogloss {
namespace {

// How long a failing rank waits to learn whether the others fail too, in seconds.
constexpr double kPatience = 1.0;
// How long the other ranks leave the first to say what all of them know, in seconds.
constexpr double kFirstSpeaks = 10.0;

int number_in_environment(std::initializer_list<char const*> names, int otherwise) {
    for (auto const* name : names) {
        if (auto const* text = std::getenv(name); text != nullptr) {
            return std::atoi(text);
        }
    }
    return otherwise;
}

// What mpirun or srun says of this process, for the parts that run without MPI.
int launched_rank() {
    return number_in_environment({"OMPI_COMM_WORLD_RANK", "PMIX_RANK", "SLURM_PROCID"}, 0);
}
int launched_ranks() {
    return number_in_environment({"OMPI_COMM_WORLD_SIZE", "SLURM_STEP_NUM_TASKS"}, 1);
}

std::string overview(std::span<Command const> table, std::string const& group) {
    std::string text;
    for (auto const& command : table) {
        if (group.empty() || command.name.starts_with(group + " ")) {
            text += fmt::format("  {:<20} {}\n", command.name, command.summary);
        }
    }
    return text;
}

std::string program_help(std::span<Command const> table) {
    return "isogloss COMMAND [options]\n\n"
           "Trains multilingual mixture-of-experts language models and adds languages to "
           "them.\n\n" +
           overview(table, "") +
           "\nisogloss COMMAND --help lists its options; isogloss --version says what this is.\n"
           "Exit codes: 0 done, 1 internal fault, 2 usage, 3 bad data, 4 environment, 75 stopped "
           "on\n"
           "request (run the same command again), 76 diverged.\n";
}

Exit print_once(std::string const& text) {
    if (launched_rank() == 0) {
        std::fputs(text.c_str(), stdout);
    }
    return Exit::done;
}

[[noreturn]] void fail_unknown(std::span<Command const> table, Arguments const& words) {
    auto const group = overview(table, words[0]);
    if (!group.empty()) {
        fail(
            Exit::usage, "{}: which of these?\n{}", fmt::join(words, " "),
            group.substr(0, group.size() - 1)
        );
    }
    std::vector<std::string> names;
    for (auto const& command : table) {
        names.emplace_back(command.name);
        names.emplace_back(command.name.substr(0, command.name.find(' ')));
    }
    auto near = closest_match(words.size() > 1 ? words[0] + " " + words[1] : words[0], names);
    if (near.empty()) {
        near = closest_match(words[0], names);
    }
    fail(
        Exit::usage, "{}: no such command{}; isogloss --help lists them", words[0],
        near.empty() ? "" : "; did you mean \"" + near + "\"?"
    );
}

// The command of the first one or two words, which are taken out of `words`.
Command const& take_command(std::span<Command const> table, Arguments& words) {
    for (std::size_t const length : {std::size_t{2}, std::size_t{1}}) {
        if (words.size() < length) {
            continue;
        }
        auto const name = length == 2 ? words[0] + " " + words[1] : words[0];
        auto const command = std::ranges::find(table, name, &Command::name);
        if (command != table.end()) {
            words.erase(words.begin(), words.begin() + static_cast<std::ptrdiff_t>(length));
            return *command;
        }
    }
    fail_unknown(table, words);
}

Exit run_alone(Command::Alone run, Command const& command, Arguments const& words) {
    require_usage(
        launched_ranks() <= 1, "{} runs as one process and {} were started; run it without mpirun",
        command.name, launched_ranks()
    );
    return run(words);
}

Exit dispatch(int argc, char** argv, std::span<Command const> table) {
    require_processor();
    Arguments words(argv + 1, argv + argc);
    require_usage(!words.empty(), "no command is given\n{}", program_help(table));
    if (words[0] == "--help" || words[0] == "-h" || words[0] == "help") {
        return print_once(program_help(table));
    }
    if (words[0] == "--version") {
        return print_once(version_text());
    }
    bool const is_group = std::ranges::find(table, words[0], &Command::name) == table.end() &&
                          !overview(table, words[0]).empty();
    if (words.size() > 1 && words[1] == "--help" && is_group) {
        return print_once(overview(table, words[0]));
    }
    auto const& command = take_command(table, words);
    if (auto const* alone = std::get_if<Command::Alone>(&command.run)) {
        return run_alone(*alone, command, words);
    }
    if (auto const* first = std::get_if<Command::OnFirst>(&command.run)) {
        return launched_rank() == 0 ? first->run(words) : Exit::done;
    }
    World const world(argc, argv);
    return std::get<Command::OnRanks>(command.run)(words, world);
}

// With the place in our code when the fault is ours.
std::string described(Failure const& failure) {
    bool const is_ours = failure.code == Exit::internal && !failure.where.empty();
    return failure.text + (is_ours ? "\n  at " + failure.where : "");
}

void print(std::string const& text, std::string const& prefix) {
    auto const line = prefix + "error: " + text + "\n";
    std::fflush(stdout);
    std::fwrite(line.data(), 1, line.size(), stderr);
    std::fflush(stderr);
}

// Where MPI does not run yet, the fault of a command line is that of every rank that was started:
// the first says it, and the others wait, because the end of any of them ends the job.
void say_once(Failure const& failure, std::string const& text) {
    if (failure.code == Exit::usage && launched_rank() != 0) {
        std::this_thread::sleep_for(std::chrono::duration<double>(kFirstSpeaks));
    } else {
        print(text, "");
    }
}

// Of a failure that all ranks share and each tells in its own words.
void abort_when_all_have_spoken(Exit code) {
    FailureNotice spoken("spoken");
    static_cast<void>(spoken.is_shared_within(kPatience));
    abort_all_ranks(code);
}

// Ends this rank, and with it the job. Only a failure that all ranks share ends in good order.
int end_with(Failure const& failure) {
    auto const code = static_cast<int>(failure.code);
    auto const text = described(failure);
    auto const rank = rank_for_messages();
    if (ranks_for_messages() == 1) {
        say_once(failure, text);
        end_mpi_after_shared_failure();
        return code;
    }
    FailureNotice notice(text);
    auto const shared = notice.is_shared_within(kPatience);
    if (shared && notice.all_alike()) {
        if (rank == 0) {
            print(text, "");
        }
        end_mpi_after_shared_failure();
        return code;
    }
    print(text, fmt::format("[rank {}] ", rank));
    if (shared) {
        abort_when_all_have_spoken(failure.code);
    }
    abort_all_ranks(failure.code);
    return code;
}

}  // namespace

int run_main(int argc, char** argv, std::span<Command const> table) {
    try {
        return static_cast<int>(dispatch(argc, argv, table));
    } catch (...) {
        return end_with(current_failure());
    }
}

}  // namespace isogloss
