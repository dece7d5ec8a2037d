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
    auto const slots = plan.send_begin.back();
    auto const send = arena.take<T, 2>({slots, width});
    auto const gather = [&](std::int64_t begin, std::int64_t end, View<T, 2> to) {
        gather_rows<T>(x, plan.send_token.rows(begin, end), to, stream);
    };
    auto const own = own_range(plan.send_begin);
    auto const home = own_range(plan.receive_begin);
    gather(0, own.begin, send.rows(0, own.begin));
    gather(own.begin, own.end, received.rows(home.begin, home.end));
    gather(own.end, slots, send.rows(own.end, slots));
    exchange_rows<T>(send, plan.send_begin, received, plan.receive_begin, OwnRows::skip, stream);
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
    auto const rows = plan.num_rows();
    auto const slots = plan.send_begin.back();
    auto const sums = arena.take<T, 2>({rows + slots, width});
    auto const partial = sums.rows(0, rows);
    sum_rows<T>(computed, plan.row_pair_begin, plan.row_pair, weights, partial, stream);
    exchange_rows<T>(
        partial, plan.receive_begin, sums.rows(rows, rows + slots), plan.send_begin, OwnRows::skip,
        stream
    );
    View<float const, 1> const unweighted{nullptr, {slots}, y.device};
    sum_rows<T>(sums, plan.token_slot_begin, plan.token_return, unweighted, y, stream);
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
    exchange_rows<float>(rows, plan.receive_begin, slots, plan.send_begin, OwnRows::copy, stream);
    slots_to_choices(slots, plan, choices, stream);
}

Range Exchange::own_range(std::span<std::int64_t const> begin) const {
    auto const own = static_cast<std::size_t>(group_->rank());
    return {begin[own], begin[own + 1]};
}

template <class T>
void Exchange::exchange_rows(
    View<T const, 2> send,
    std::span<std::int64_t const> send_begin,
    View<T, 2> receive,
    std::span<std::int64_t const> receive_begin,
    OwnRows own_rows,
    Stream stream
) {
    Timer const timer;
    all_to_all_rows<T>(send, send_begin, receive, receive_begin, *group_, stream, own_rows);
    tally_.seconds += timer.seconds();
    auto const kept = own_range(send_begin).size();
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
