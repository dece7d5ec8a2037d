// moe/slots_cuda.cu
#include <bit>
#include <vector>

#include "base/math.h"
#include "device/cuda_memory.h"
#include "moe/block_sums.h"
#include "moe/kernel_lists.h"
#include "moe/routing_ops.h"

// The stable sorts are a list of blocks a bucket: they walk over all tokens, in order, and number
// those that belong to it. A micro-batch has some thousand tokens and a layer some dozen buckets,
// so this is microseconds, and equal choices give equal bits.
namespace isogloss::cuda {
namespace {

// Of the tokens that have a choice on `rank`: does this one?
__device__ bool visits(
    std::int32_t const* chosen, std::int64_t choices, std::int32_t rank, SeatTable const& seats
) {
    for (std::int64_t k = 0; k < choices; ++k) {
        if (seats.has(chosen[k]) && seats.rank[chosen[k]] == rank) {
            return true;
        }
    }
    return false;
}

// counts[e] = choices for expert e; counts[E + p] = tokens with a choice on rank p. A block each.
__global__ void count_kernel(
    std::int32_t const* expert,
    std::int64_t tokens,
    std::int64_t choices,
    SeatTable const __grid_constant__ seats,
    std::int64_t* counts
) {
    auto const bucket = static_cast<std::int32_t>(blockIdx.x);
    std::int32_t count = 0;
    for (std::int64_t n = threadIdx.x; n < tokens; n += kWalkers) {
        auto const* const chosen = expert + n * choices;
        if (bucket >= seats.experts) {
            count += visits(chosen, choices, bucket - seats.experts, seats) ? 1 : 0;
            continue;
        }
        for (std::int64_t k = 0; k < choices; ++k) {
            count += chosen[k] == bucket ? 1 : 0;
        }
    }
    auto const sum = block_sum(count);
    if (threadIdx.x == 0) {
        counts[bucket] = sum;
    }
}

// sums[e] over the tokens, in an order that depends on their number alone. A block an expert.
__global__ void probability_kernel(
    float const* probs, std::int64_t tokens, std::int32_t const* among, double* sums
) {
    double sum = 0.0;
    for (std::int64_t n = threadIdx.x; n < tokens; n += kWalkers) {
        if (among == nullptr || among[n] != 0) {
            sum += static_cast<double>(probs[n * gridDim.x + blockIdx.x]);
        }
    }
    sum = block_sum(sum);
    if (threadIdx.x == 0) {
        sums[blockIdx.x] = sum;
    }
}

// The slots of rank blockIdx.x: their tokens, and which choices they carry.
__global__ void slots_kernel(
    std::int32_t const* expert,
    std::int64_t tokens,
    std::int64_t choices,
    SeatTable const __grid_constant__ seats,
    Beginnings const __grid_constant__ begin,
    std::int32_t* send_token,
    std::int32_t* choice_slot
) {
    __shared__ RunningPrefix::Memory memory;
    auto const rank = static_cast<std::int32_t>(blockIdx.x);
    auto const is_slot = [&](std::int64_t n) {
        return visits(expert + n * choices, choices, rank, seats) ? 1 : 0;
    };
    auto const walk = Walk::of_block(tokens);
    RunningPrefix slots(memory, begin.at[rank]);
    slots.skip(walk.begin, is_slot);
    for (auto first = walk.begin; first < walk.end; first += kWalkers) {
        auto const n = first + threadIdx.x;
        auto const* const chosen = expert + n * choices;
        auto const mine = n < tokens ? is_slot(n) : 0;
        auto const slot = slots.next(mine);
        if (mine != 0) {
            send_token[slot] = static_cast<std::int32_t>(n);
        }
        for (std::int64_t k = 0; n < tokens && k < choices; ++k) {
            bool const is_absent = !seats.has(chosen[k]);
            if (is_absent && rank == 0) {
                choice_slot[n * choices + k] = -1;
            } else if (!is_absent && seats.rank[chosen[k]] == rank) {
                choice_slot[n * choices + k] = slot;
            }
        }
    }
}

// The smallest slot above `last` among those of a token's choices, or -1.
__device__ std::int32_t slot_after(
    std::int32_t last, std::int32_t const* slots, std::int64_t choices
) {
    std::int32_t found = -1;
    for (std::int64_t k = 0; k < choices; ++k) {
        if (slots[k] > last && (found < 0 || slots[k] < found)) {
            found = slots[k];
        }
    }
    return found;
}

// Own slots are at home in rows from home_begin on, all others behind the rows.
struct ReturnPlaces {
    std::int32_t own_begin;
    std::int32_t own_end;
    std::int32_t home_begin;
    std::int32_t rows;

    [[nodiscard]] __device__ std::int32_t of(std::int32_t slot) const {
        bool const is_own = slot >= own_begin && slot < own_end;
        return slot + (is_own ? home_begin - own_begin : rows);
    }
};

// token_slot_begin[n] = slots of the tokens before n, token_return where they come back. One list.
__global__ void token_slots_kernel(
    std::int32_t const* choice_slot,
    std::int64_t tokens,
    std::int64_t choices,
    ReturnPlaces places,
    std::int32_t* token_slot_begin,
    std::int32_t* token_return
) {
    __shared__ RunningPrefix::Memory memory;
    auto const slots_of = [=](std::int64_t n) {
        auto const* const its = choice_slot + n * choices;
        std::int32_t count = 0;
        for (auto slot = slot_after(-1, its, choices); slot >= 0;
             slot = slot_after(slot, its, choices)) {
            ++count;
        }
        return count;
    };
    auto const walk = Walk::of_block(tokens);
    RunningPrefix slots(memory, 0);
    slots.skip(walk.begin, slots_of);
    for (auto first = walk.begin; first < walk.end; first += kWalkers) {
        auto const n = first + threadIdx.x;
        auto to = slots.next(n < tokens ? slots_of(n) : 0);
        if (n >= tokens) {
            continue;
        }
        token_slot_begin[n] = to;
        auto const* const its = choice_slot + n * choices;
        for (auto slot = slot_after(-1, its, choices); slot >= 0;
             slot = slot_after(slot, its, choices)) {
            token_return[to++] = places.of(slot);
        }
    }
    if (threadIdx.x == 0 && Walk::is_last()) {
        token_slot_begin[tokens] = slots.sum();
    }
}

__global__ void no_routes_kernel(std::int64_t slots, std::int64_t choices, std::int32_t* route) {
    auto const i = thread_place();
    if (i < slots * choices) {
        auto* const entry = route + i / choices * 2 * choices + i % choices;
        entry[0] = -1;
        entry[choices] = 0;
    }
}

__global__ void routes_kernel(
    std::int32_t const* expert,
    float const* gate,
    std::int64_t tokens,
    std::int64_t choices,
    SeatTable const __grid_constant__ seats,
    std::int32_t const* choice_slot,
    std::int32_t* route
) {
    auto const i = thread_place();
    if (i >= tokens * choices || !seats.has(expert[i])) {
        return;
    }
    auto const slot = choice_slot == nullptr ? i / choices : choice_slot[i];
    auto* const entry = route + slot * 2 * choices + i % choices;
    entry[0] = seats.local[expert[i]];
    entry[choices] = __float_as_int(gate[i]);
}

}  // namespace

RoutingCounts count_routing(
    Counted const& counted, ExpertSeats const& seats, int num_ranks, Stream stream
) {
    auto const [tokens, choices] = counted.expert.shape;
    auto const table = table_of(seats);
    auto const experts = index(table.experts);
    auto const buckets = experts + index(num_ranks);
    // Counts and sums lie side by side, 8 bytes each, so that one copy brings both.
    std::vector<std::int64_t> numbers(buckets + experts);
    auto& queue = queue_of(stream);
    auto* const counts = queue.scratch_of<std::int64_t>(static_cast<std::int64_t>(numbers.size()));
    count_kernel<<<static_cast<unsigned>(buckets), kWalkers, 0, queue.get()>>>(
        counted.expert.data, tokens, choices, table, counts
    );
    check_launch();
    bool const adds = counted.probs.data != nullptr;
    if (adds) {
        probability_kernel<<<static_cast<unsigned>(experts), kWalkers, 0, queue.get()>>>(
            counted.probs.data, tokens, counted.among.data,
            reinterpret_cast<double*>(counts + buckets)
        );
        check_launch();
    }
    auto const read = adds ? numbers.size() : buckets;
    copy_to_host(numbers.data(), counts, read * sizeof(std::int64_t), stream);
    RoutingCounts result{{0}, {}, {}};
    for (std::size_t i = 0; i < read; ++i) {
        if (i < experts) {
            result.expert_tokens.push_back(numbers[i]);
        } else if (i < buckets) {
            result.send_begin.push_back(result.send_begin.back() + numbers[i]);
        } else {
            result.probability.push_back(std::bit_cast<double>(numbers[i]));
        }
    }
    return result;
}

void fill_slots(
    View<std::int32_t const, 2> expert,
    ExpertSeats const& seats,
    DispatchPlan const& plan,
    Stream stream
) {
    auto const [tokens, choices] = expert.shape;
    auto const begin = beginnings_of(plan.send_begin, "ranks");
    auto const ranks = static_cast<std::int64_t>(plan.send_begin.size()) - 1;
    auto* const queue = queue_of(stream).get();
    slots_kernel<<<walkers_for(ranks, tokens), kWalkers, 0, queue>>>(
        expert.data, tokens, choices, table_of(seats), begin, plan.send_token.data,
        plan.choice_slot.data
    );
    check_launch();
    auto const own = index(seats.source);
    ReturnPlaces const places{
        begin.at[own], begin.at[own + 1], static_cast<std::int32_t>(plan.receive_begin[own]),
        static_cast<std::int32_t>(plan.num_rows())};
    token_slots_kernel<<<walkers_for(1, tokens), kWalkers, 0, queue>>>(
        plan.choice_slot.data, tokens, choices, places, plan.token_slot_begin.data,
        plan.token_return.data
    );
    check_launch();
}

void fill_routes(
    View<std::int32_t const, 2> expert,
    View<float const, 2> gate,
    ExpertSeats const& seats,
    View<std::int32_t const, 2> choice_slot,
    View<std::int32_t, 2> route,
    Stream stream
) {
    auto const [tokens, choices] = expert.shape;
    auto const slots = route.shape[0];
    auto* const queue = queue_of(stream).get();
    if (slots > 0) {
        no_routes_kernel<<<blocks_for(slots * choices), kThreads, 0, queue>>>(
            slots, choices, route.data
        );
        check_launch();
    }
    if (tokens > 0) {
        routes_kernel<<<blocks_for(tokens * choices), kThreads, 0, queue>>>(
            expert.data, gate.data, tokens, choices, table_of(seats), choice_slot.data, route.data
        );
        check_launch();
    }
}

}  // namespace isogloss::cuda
