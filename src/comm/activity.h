// comm/activity.h - what this rank is doing, marked by the thread that computes for whoever
// watches.
#pragma once

#include <cstdint>

namespace isogloss {

class MpiComm;

/// The work has come to `phase`, a literal; in a layer of the model where one is given. A mark
/// costs a few stores, and begins a range of that name for profilers of GPUs. For the thread that
/// talks to MPI alone.
void mark_phase(char const* phase, std::int64_t layer = -1) noexcept;
void mark_step(std::int64_t step) noexcept;

/// While one lives, this rank waits in `call`, a literal, for the ranks of `group`.
class Waiting {
public:
    Waiting(char const* call, MpiComm const& group) noexcept;
    ~Waiting();
    Waiting(Waiting const&) = delete;
    Waiting& operator=(Waiting const&) = delete;
};

struct Activity {
    char const* phase = "";    ///< last mark
    std::int64_t layer = -1;   ///< -1: of none
    std::int64_t step = -1;    ///< -1: of none
    char const* call = "";     ///< what it waits in; "": nothing
    std::uint64_t shared = 0;  ///< waits for all ranks of the job so far: the same number on each
    std::uint64_t moves = 0;   ///< marks and waits so far
};

/// From any thread. Parts may be of two neighbouring moments.
Activity current_activity() noexcept;

/// How many ranks are all: said once by World.
void note_world_size(int ranks) noexcept;

}  // namespace isogloss
