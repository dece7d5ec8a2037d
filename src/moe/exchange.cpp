// moe/exchange.cpp
#include "moe/exchange.h"

#include "base/clock.h"
#include "base/require.h"
#include "comm/collective.h"
#include "kernels/permute_rows.h"
#include "moe/routing_ops.h"

namespace isogloss {

template <class T>
View<T const, 2> Exchange::dispatch(
    View<T const, 2> x, DispatchPlan const& plan, Arena& arena, Stream stream
) {
    require(
        x.shape[0] == plan.num_tokens, "dispatch: {} rows along a plan for {} tokens", x.shape[0],
        plan.num_tokens
    );
    if (!plan.travels) {
        return x;
    }
    auto const width = x.shape[1];
    auto const received = arena.take<T, 2>({plan.num_rows(), width});
    ArenaScope const scope(arena);
    auto const send = arena.take<T, 2>({plan.send_begin.back(), width});
    gather_rows<T>(x, plan.send_token, send, stream);
    send_slots<T>(send, plan, received, stream);
    return received;
}

template <class T>
void Exchange::combine(
    View<T const, 2> computed,
    PairWeight weight,
    DispatchPlan const& plan,
    Arena& arena,
    View<T, 2> y,
    Stream stream
) {
    require(
        computed.shape[0] == plan.num_pairs() && y.shape[0] == plan.num_tokens,
        "combine: {} pairs and {} tokens along a plan for {} and {}", computed.shape[0], y.shape[0],
        plan.num_pairs(), plan.num_tokens
    );
    View<float const, 1> const ones{nullptr, {plan.num_pairs()}, y.device};
    auto const weights = weight == PairWeight::gate ? View<float const, 1>(plan.row_gate) : ones;
    if (!plan.travels) {
        return sum_rows<T>(computed, plan.row_pair_begin, plan.row_pair, weights, y, stream);
    }
    ArenaScope const scope(arena);
    auto const width = y.shape[1];
    auto const partial = arena.take<T, 2>({plan.num_rows(), width});
    sum_rows<T>(computed, plan.row_pair_begin, plan.row_pair, weights, partial, stream);
    auto const returned = arena.take<T, 2>({plan.send_begin.back(), width});
    return_rows<T>(partial, plan, returned, stream);
    View<float const, 1> const unweighted{nullptr, {plan.send_begin.back()}, y.device};
    sum_rows<T>(returned, plan.token_slot_begin, plan.token_slot, unweighted, y, stream);
}

void Exchange::return_to_choices(
    View<float const, 1> pairs,
    DispatchPlan const& plan,
    Arena& arena,
    View<float, 2> choices,
    Stream stream
) {
    if (!plan.travels) {
        return pairs_to_rows(pairs, plan, choices, stream);
    }
    ArenaScope const scope(arena);
    auto const rows = arena.take<float, 2>({plan.num_rows(), plan.num_choices});
    pairs_to_rows(pairs, plan, rows, stream);
    auto const slots = arena.take<float, 2>({plan.send_begin.back(), plan.num_choices});
    return_rows<float>(rows, plan, slots, stream);
    slots_to_choices(slots, plan, choices, stream);
}

template <class T>
void Exchange::send_slots(
    View<T const, 2> slots, DispatchPlan const& plan, View<T, 2> rows, Stream stream
) {
    exchange_rows<T>(slots, plan.send_begin, rows, plan.receive_begin, stream);
}

template <class T>
void Exchange::return_rows(
    View<T const, 2> rows, DispatchPlan const& plan, View<T, 2> slots, Stream stream
) {
    exchange_rows<T>(rows, plan.receive_begin, slots, plan.send_begin, stream);
}

template <class T>
void Exchange::exchange_rows(
    View<T const, 2> send,
    std::span<std::int64_t const> send_begin,
    View<T, 2> receive,
    std::span<std::int64_t const> receive_begin,
    Stream stream
) {
    Timer const timer;
    all_to_all_rows<T>(send, send_begin, receive, receive_begin, *group_, stream);
    tally_.seconds += timer.seconds();
    auto const own = static_cast<std::size_t>(group_->rank());
    auto const kept = send_begin[own + 1] - send_begin[own];
    tally_.bytes += (send.shape[0] - kept) * send.shape[1] * static_cast<std::int64_t>(sizeof(T));
}

#define ISOGLOSS_INSTANTIATE(T)                                                       \
    template View<T const, 2> Exchange::dispatch(                                     \
        View<T const, 2>, DispatchPlan const&, Arena&, Stream                         \
    );                                                                                \
    template void Exchange::combine(                                                  \
        View<T const, 2>, PairWeight, DispatchPlan const&, Arena&, View<T, 2>, Stream \
    )
ISOGLOSS_INSTANTIATE(float);
ISOGLOSS_INSTANTIATE(bf16);
#undef ISOGLOSS_INSTANTIATE

}  // namespace isogloss
