// moe/kernel_lists.h - short lists of the host that travel as arguments of a kernel, so that they
// need neither memory nor a copy. For .cu files only.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/error.h"
#include "moe/dispatch_plan.h"

namespace isogloss::cuda {

/// Of experts or ranks, in one layer.
inline constexpr std::int64_t kMostBuckets = 1024;

inline void require_buckets(std::size_t count, char const* what) {
    if (count > static_cast<std::size_t>(kMostBuckets)) {
        throw Error(
            Exit::usage, std::to_string(count) + " " + what + " in one layer; a GPU sorts tokens " +
                             "for " + std::to_string(kMostBuckets) + " at most"
        );
    }
}

/// ExpertSeats.
struct SeatTable {
    std::uint16_t rank[kMostBuckets];
    std::uint16_t local[kMostBuckets];
    std::int32_t experts;

    [[nodiscard]] __device__ bool has(std::int32_t expert) const {
        return expert >= 0 && expert < experts;
    }
};

inline SeatTable table_of(ExpertSeats const& seats) {
    require_buckets(seats.rank.size(), "experts");
    SeatTable table{};
    table.experts = static_cast<std::int32_t>(seats.rank.size());
    for (std::size_t e = 0; e < seats.rank.size(); ++e) {
        table.rank[e] = static_cast<std::uint16_t>(seats.rank[e]);
        table.local[e] = static_cast<std::uint16_t>(seats.local[e]);
    }
    return table;
}

/// Where the runs of a sorted list begin, and the last one ends.
struct Beginnings {
    std::int32_t at[kMostBuckets + 1];
};

inline Beginnings beginnings_of(std::vector<std::int64_t> const& begin, char const* what) {
    require_buckets(begin.size() - 1, what);
    Beginnings list{};
    for (std::size_t i = 0; i < begin.size(); ++i) {
        list.at[i] = static_cast<std::int32_t>(begin[i]);
    }
    return list;
}

}  // namespace isogloss::cuda
