// cli/command.h - what a command is, and how the program finds it.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "base/error.h"
#include "base/options.h"

namespace isogloss {

class World;

/// The words after the command's name.
using Arguments = std::vector<std::string>;

/// One line of the table in cli/commands.cpp.
struct Command {
    /// Runs in one process, without MPI (whose start takes a third of a second).
    using Alone = Exit (*)(Arguments const& arguments);
    /// Runs on the ranks of an MPI job, one or many; called on each.
    using OnRanks = Exit (*)(Arguments const& arguments, World const& world);

    /// Runs in the first of the processes that were started, without MPI; the others end at once.
    /// For what reads small files and answers soon, so that a job script may hold it.
    struct OnFirst {
        Exit (*run)(Arguments const& arguments);
    };

    std::string_view name;     ///< "train", "corpus build": one or two words
    std::string_view summary;  ///< one line for `isogloss --help`
    std::variant<Alone, OnFirst, OnRanks> run;
};

/// Prints options.help() to standard output, on rank 0 only. Returns Exit::done.
Exit print_help(Options const& options);
Exit print_help(Options const& options, World const& world);

}  // namespace isogloss
