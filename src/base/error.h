// base/error.h - what went wrong, where, and which exit code says so.
#pragma once

#include <source_location>
#include <stdexcept>
#include <string>

namespace isogloss {

/// Exit codes of the program. Scripts act on them, so a number never changes its meaning.
enum class Exit {
    done = 0,
    internal = 1,     ///< a fault of ours
    usage = 2,        ///< options or configuration
    data = 3,         ///< a file that was read is bad: corpus, text, tokenizer, checkpoint
    environment = 4,  ///< MPI, GPU, memory, disk
    stopped = 75,     ///< stopped on request, checkpoint written: run the same command again
    diverged = 76,    ///< loss or gradient not finite, several steps in a row
};

/// Thrown by everything here. The text has the fact, the values and what to do about it.
class Error : public std::runtime_error {
public:
    Error(
        Exit code,
        std::string const& text,
        std::source_location where = std::source_location::current()
    );

    [[nodiscard]] Exit code() const noexcept { return code_; }
    /// "src/storage/hdf5_file.cpp:54"
    [[nodiscard]] std::string where() const;

private:
    Exit code_;
    std::source_location where_;
};

/// What an exception comes to.
struct Failure {
    Exit code = Exit::internal;
    std::string text{};   ///< for people
    std::string where{};  ///< the place in our code that threw; empty if another's did
};

/// The exception that is being handled; call it inside a catch block only. Used-up memory and a
/// filesystem's refusal are the machine's (Exit::environment); what is not ours is Exit::internal.
Failure current_failure();

}  // namespace isogloss
