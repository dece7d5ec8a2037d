// checkpoint/side_by_side.h - independent pieces of work on a few threads, the first fault kept.
#pragma once

#include <algorithm>
#include <atomic>
#include <cstddef>
#include <optional>
#include <thread>
#include <vector>

#include "base/error.h"
#include "checkpoint/attempt.h"

namespace isogloss {

/// Threads of a rank that hash what it reads: one alone is slower than a disk.
constexpr int kHashingThreads = 2;

/// Calls work(i) for each i in [0, count), in this order but side by side: on the calling thread
/// and up to `threads` - 1 others. Once one has thrown no other begins; of those that did, the
/// fault of the lowest i is thrown.
template <class F>
void side_by_side(std::size_t count, int threads, F const& work) {
    std::vector<std::optional<Failure>> failures(count);
    std::atomic<std::size_t> next = 0;
    std::atomic<bool> failed = false;
    auto const take_turns = [&] {
        for (auto i = next++; i < count && !failed; i = next++) {
            failures[i] = failure_of([&] { work(i); });
            failed = failed || failures[i].has_value();
        }
    };
    {
        std::vector<std::jthread> others;
        for (std::size_t t = 1; t < std::min(count, static_cast<std::size_t>(threads)); ++t) {
            others.emplace_back(take_turns);
        }
        take_turns();
    }
    for (auto const& failure : failures) {
        if (failure) {
            throw Error(failure->code, failure->text);
        }
    }
}

}  // namespace isogloss
