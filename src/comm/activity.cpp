// comm/activity.cpp
#include "comm/activity.h"

#include <atomic>

#include "comm/mpi_comm.h"
#include "device/profile_range.h"

namespace isogloss {
namespace {

// MPI is one a process and so is what it waits in: the calls that mark it have nothing in common
// but the process. One thread writes, so no update needs to be atomic as a whole.
std::atomic<char const*> phase{""};
std::atomic<char const*> call{""};
std::atomic<std::int64_t> layer{-1};
std::atomic<std::int64_t> step{-1};
std::atomic<std::uint64_t> shared{0};
std::atomic<std::uint64_t> moves{0};
std::atomic<int> world_size{0};
static_assert(std::atomic<char const*>::is_always_lock_free);

template <class T>
void set(std::atomic<T>& variable, T value) noexcept {
    variable.store(value, std::memory_order_relaxed);
}

template <class T>
T get(std::atomic<T> const& variable) noexcept {
    return variable.load(std::memory_order_relaxed);
}

void move() noexcept {
    set(moves, get(moves) + 1);
}

}  // namespace

void mark_phase(char const* new_phase, std::int64_t new_layer) noexcept {
    set(phase, new_phase);
    set(layer, new_layer);
    move();
    cuda::begin_profile_range(new_phase, new_layer);
}

void mark_step(std::int64_t new_step) noexcept {
    set(step, new_step);
    move();
}

Waiting::Waiting(char const* new_call, MpiComm const& group) noexcept {
    set(call, new_call);
    if (group.size() == get(world_size)) {
        set(shared, get(shared) + 1);
    }
    move();
}

Waiting::~Waiting() {
    set(call, static_cast<char const*>(""));
    move();
}

Activity current_activity() noexcept {
    return {get(phase), get(layer), get(step), get(call), get(shared), get(moves)};
}

void note_world_size(int ranks) noexcept {
    set(world_size, ranks);
}

}  // namespace isogloss
