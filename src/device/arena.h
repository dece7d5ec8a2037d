// device/arena.h - one block for the activations of a step, handed out by moving a pointer.
#pragma once

#include <array>
#include <cstdint>
#include <vector>

#include "device/buffer.h"

namespace isogloss {

/// Hands out memory in stack order: what was taken after `mark()` is given back by `release(mark)`.
///
///     Arena::Mark const mark = arena.mark();
///     auto scratch = arena.take<float, 2>({rows, width});
///     ...
///     arena.release(mark);
///
/// Memory is not zeroed. It grows by further blocks where the first was too small (views stay
/// valid), and `reset()` joins them to one block of the highest size seen and an eighth more, so
/// that from the second step on nothing is allocated.
class Arena {
public:
    struct Mark {
        std::size_t block = 0;
        std::int64_t offset = 0;
    };

    explicit Arena(Device device, std::int64_t first_bytes = 0);

    template <class T, std::size_t rank>
    [[nodiscard]] View<T, rank> take(std::array<std::int64_t, rank> const& shape) {
        View<T, rank> view{nullptr, shape, device_};
        view.data =
            reinterpret_cast<T*>(take_bytes(view.size() * static_cast<std::int64_t>(sizeof(T))));
        return view;
    }

    [[nodiscard]] Mark mark() const;
    void release(Mark mark);
    /// Gives everything back. Views taken before are dead.
    void reset();

    [[nodiscard]] Device device() const { return device_; }
    /// Highest number of bytes in use at one time since construction.
    [[nodiscard]] std::int64_t peak_bytes() const { return peak_; }
    /// Blocks allocated since construction: constant in the steady state.
    [[nodiscard]] std::int64_t num_allocations() const { return num_allocations_; }

private:
    std::byte* take_bytes(std::int64_t bytes);

    Device device_;
    std::vector<Memory> blocks_;
    Mark top_;
    std::int64_t peak_ = 0;
    std::int64_t num_allocations_ = 0;
};

/// Gives back on leaving a scope what was taken inside it.
class ArenaScope {
public:
    explicit ArenaScope(Arena& arena) : arena_(arena), mark_(arena.mark()) {}
    ~ArenaScope() { arena_.release(mark_); }
    ArenaScope(ArenaScope const&) = delete;
    ArenaScope& operator=(ArenaScope const&) = delete;

private:
    Arena& arena_;
    Arena::Mark mark_;
};

}  // namespace isogloss
