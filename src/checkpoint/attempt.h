// checkpoint/attempt.h - work that may fail on one rank and must then fail on all.
#pragma once

#include <optional>
#include <utility>

#include "base/error.h"
#include "comm/mpi_comm.h"

namespace isogloss {

/// Runs `work`; its exception becomes a value, because the other ranks (or threads) have to be told
/// before anybody unwinds: they would wait for this one for ever.
template <class F>
std::optional<Failure> failure_of(F&& work) {
    try {
        std::forward<F>(work)();
    } catch (...) {
        return current_failure();
    }
    return std::nullopt;
}

/// One rank's part of work that all ranks do: local steps that may fail between collectives that
/// everybody must enter.
///
///     Attempt attempt;
///     attempt.run([&] { write(...); });     // skipped once one has failed
///     exchange(..., world);                 // always
///     attempt.agree(world);                 // all go on, or all throw
class Attempt {
public:
    template <class F>
    void run(F&& work) {
        if (!failure_) {
            failure_ = failure_of(std::forward<F>(work));
        }
    }

    /// Throws on every rank the fault of the lowest rank that has one. Collective over `group`.
    void agree(MpiComm const& group) const;

private:
    std::optional<Failure> failure_;
};

}  // namespace isogloss
