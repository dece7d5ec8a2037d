// moe/pairs_cuda.cu
#include "moe/block_sums.h"
#include "moe/kernel_lists.h"
#include "moe/routing_ops.h"

namespace isogloss::cuda {
namespace {

// row_pair_begin[r] = pairs of the rows before r. One list.
__global__ void row_pairs_kernel(
    std::int32_t const* route, std::int64_t rows, std::int64_t choices, std::int32_t* begin
) {
    __shared__ RunningPrefix::Memory memory;
    auto const pairs_of = [=](std::int64_t r) {
        std::int32_t count = 0;
        for (std::int64_t k = 0; k < choices; ++k) {
            count += route[r * 2 * choices + k] >= 0 ? 1 : 0;
        }
        return count;
    };
    auto const walk = Walk::of_block(rows);
    RunningPrefix pairs(memory, 0);
    pairs.skip(walk.begin, pairs_of);
    for (auto first = walk.begin; first < walk.end; first += kWalkers) {
        auto const r = first + threadIdx.x;
        auto const before = pairs.next(r < rows ? pairs_of(r) : 0);
        if (r < rows) {
            begin[r] = before;
        }
    }
    if (threadIdx.x == 0 && Walk::is_last()) {
        begin[rows] = pairs.sum();
    }
}

struct PairLists {
    std::int32_t* pair_row;
    std::int32_t* pair_choice;
    float* pair_gate;
    std::int32_t const* row_pair_begin;
    std::int32_t* row_pair;
    float* row_gate;
};

// The pairs of local expert blockIdx.x. A row names an expert once at most.
__global__ void pairs_kernel(
    std::int32_t const* route,
    std::int64_t rows,
    std::int64_t choices,
    Beginnings const __grid_constant__ begin,
    PairLists lists
) {
    __shared__ RunningPrefix::Memory memory;
    auto const expert = static_cast<std::int32_t>(blockIdx.x);
    auto const walk = Walk::of_block(rows);
    RunningPrefix pairs(memory, begin.at[expert]);
    pairs.skip(walk.begin, [=](std::int64_t r) {
        std::int32_t count = 0;
        for (std::int64_t k = 0; k < choices; ++k) {
            count += route[r * 2 * choices + k] == expert ? 1 : 0;
        }
        return count;
    });
    for (auto first = walk.begin; first < walk.end; first += kWalkers) {
        auto const r = first + threadIdx.x;
        std::int64_t mine = choices;
        std::int32_t before = 0;  // choices of the row that are present and before mine
        for (std::int64_t k = 0; r < rows && k < choices && mine == choices; ++k) {
            auto const local = route[r * 2 * choices + k];
            mine = local == expert ? k : mine;
            before += local >= 0 && local != expert ? 1 : 0;
        }
        auto const pair = pairs.next(mine < choices ? 1 : 0);
        if (mine == choices) {
            continue;
        }
        auto const gate = __int_as_float(route[(r * 2 + 1) * choices + mine]);
        lists.pair_row[pair] = static_cast<std::int32_t>(r);
        lists.pair_choice[pair] = static_cast<std::int32_t>(mine);
        lists.pair_gate[pair] = gate;
        lists.row_pair[lists.row_pair_begin[r] + before] = pair;
        lists.row_gate[lists.row_pair_begin[r] + before] = gate;
    }
}

__global__ void pairs_to_rows_kernel(
    float const* pairs,
    std::int64_t count,
    std::int32_t const* pair_row,
    std::int32_t const* pair_choice,
    std::int64_t choices,
    float* rows
) {
    auto const m = thread_place();
    if (m < count) {
        rows[pair_row[m] * choices + pair_choice[m]] = pairs[m];
    }
}

__global__ void slots_to_choices_kernel(
    float const* slots,
    std::int32_t const* choice_slot,
    std::int64_t count,
    std::int64_t choices,
    float* to
) {
    auto const i = thread_place();
    if (i < count) {
        auto const slot = static_cast<std::int64_t>(choice_slot[i]);
        to[i] = slot < 0 ? 0.0F : slots[slot * choices + i % choices];
    }
}

__global__ void give_kernel(
    std::int32_t const* given,
    std::int64_t count,
    std::int64_t choices,
    std::int32_t* expert,
    float* gate
) {
    auto const i = thread_place();
    if (i < count) {
        bool const is_first = i % choices == 0;
        auto const its = given == nullptr ? 0 : given[i / choices];
        expert[i] = is_first ? its : -1;
        gate[i] = is_first ? 1.0F : 0.0F;
    }
}

}  // namespace

void fill_pairs(View<std::int32_t const, 2> route, DispatchPlan const& plan, Stream stream) {
    auto const rows = route.shape[0];
    auto const choices = route.shape[1] / 2;
    auto* const queue = queue_of(stream).get();
    row_pairs_kernel<<<walkers_for(1, rows), kWalkers, 0, queue>>>(
        route.data, rows, choices, plan.row_pair_begin.data
    );
    check_launch();
    auto const experts = static_cast<std::int64_t>(plan.expert_begin.size()) - 1;
    if (experts == 0) {
        return;
    }
    PairLists const lists{plan.pair_row.data,       plan.pair_choice.data, plan.pair_gate.data,
                          plan.row_pair_begin.data, plan.row_pair.data,    plan.row_gate.data};
    pairs_kernel<<<walkers_for(experts, rows), kWalkers, 0, queue>>>(
        route.data, rows, choices, beginnings_of(plan.expert_begin, "experts"), lists
    );
    check_launch();
}

void pairs_to_rows(
    View<float const, 1> pairs, DispatchPlan const& plan, View<float, 2> rows, Stream stream
) {
    auto* const queue = queue_of(stream).get();
    auto const count = pairs.shape[0];
    if (rows.size() > 0) {
        ISOGLOSS_CUDA(cudaMemsetAsync(
            rows.data, 0, static_cast<std::size_t>(rows.size()) * sizeof(float), queue
        ));
    }
    if (count > 0) {
        pairs_to_rows_kernel<<<blocks_for(count), kThreads, 0, queue>>>(
            pairs.data, count, plan.pair_row.data, plan.pair_choice.data, rows.shape[1], rows.data
        );
        check_launch();
    }
}

void slots_to_choices(
    View<float const, 2> slots, DispatchPlan const& plan, View<float, 2> choices, Stream stream
) {
    if (choices.size() > 0) {
        slots_to_choices_kernel<<<
            blocks_for(choices.size()), kThreads, 0, queue_of(stream).get()>>>(
            slots.data, plan.choice_slot.data, choices.size(), choices.shape[1], choices.data
        );
        check_launch();
    }
}

void give_experts(
    View<std::int32_t const, 1> given,
    std::int32_t /*num_experts*/,
    View<std::int32_t, 2> expert,
    View<float, 2> gate,
    Stream stream
) {
    if (expert.size() > 0) {
        give_kernel<<<blocks_for(expert.size()), kThreads, 0, queue_of(stream).get()>>>(
            given.data, expert.size(), expert.shape[1], expert.data, gate.data
        );
        check_launch();
    }
}

}  // namespace isogloss::cuda
