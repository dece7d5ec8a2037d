// moe/exchange.cpp
#include "moe/exchange.h"

#include "base/clock.h"
#include "base/require.h"
#include "comm/collective.h"
#include "device/side_queue.h"
#include "kernels/permute_rows.h"
#include "moe/routing_ops.h"

namespace isogloss {
namespace {

View<float const, 1> weights_of(PairWeight weight, DispatchPlan const& plan, Device device) {
    if (weight == PairWeight::gate) {
        return plan.row_gate;
    }
    return {nullptr, {plan.num_pairs()}, device};
}

}  // namespace

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
    gather(own.end, slots, send.rows(own.end, slots));
    begin_exchange<T>(send, plan.send_begin, received, plan.receive_begin, OwnRows::skip, stream);
    gather(own.begin, own.end, received.rows(home.begin, home.end));  // while the others travel
    exchange_queue(x.device).end(stream);
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
    ArenaScope const scope(arena);
    end_combine<T>(begin_combine<T>(computed, weight, plan, arena, stream), plan, y, stream);
}

template <class T>
CombineUnderWay<T> Exchange::begin_combine(
    View<T const, 2> computed,
    PairWeight weight,
    DispatchPlan const& plan,
    Arena& arena,
    Stream stream
) {
    require(
        computed.shape[0] == plan.num_pairs(), "combine: {} pairs along a plan for {}",
        computed.shape[0], plan.num_pairs()
    );
    if (!plan.travels) {
        return {computed, weight};
    }
    auto const rows = plan.num_rows();
    auto const slots = plan.send_begin.back();
    auto const sums = arena.take<T, 2>({rows + slots, computed.shape[1]});
    auto const partial = sums.rows(0, rows);
    auto const sum = [&](std::int64_t begin, std::int64_t end) {
        sum_rows<T>(
            computed, plan.row_pair_begin.rows(begin, end + 1), plan.row_pair,
            weights_of(weight, plan, computed.device), partial.rows(begin, end), stream
        );
    };
    auto const home = own_range(plan.receive_begin);
    sum(0, home.begin);
    sum(home.end, rows);
    begin_exchange<T>(
        partial, plan.receive_begin, sums.rows(rows, rows + slots), plan.send_begin, OwnRows::skip,
        stream
    );
    sum(home.begin, home.end);  // while the others travel
    return {sums, weight};
}

template <class T>
void Exchange::end_combine(
    CombineUnderWay<T> const& under_way, DispatchPlan const& plan, View<T, 2> y, Stream stream
) {
    require(
        y.shape[0] == plan.num_tokens, "combine: {} tokens along a plan for {}", y.shape[0],
        plan.num_tokens
    );
    auto const& [rows, weight] = under_way;
    if (!plan.travels) {
        auto const weights = weights_of(weight, plan, y.device);
        return sum_rows<T>(rows, plan.row_pair_begin, plan.row_pair, weights, y, stream);
    }
    exchange_queue(y.device).end(stream);
    View<float const, 1> const unweighted{nullptr, {plan.send_begin.back()}, y.device};
    sum_rows<T>(rows, plan.token_slot_begin, plan.token_return, unweighted, y, stream);
}

View<float const, 2> Exchange::begin_return(
    View<float const, 1> pairs, DispatchPlan const& plan, Arena& arena, Stream stream
) {
    if (!plan.travels) {
        return pairs.reshaped<2>({plan.num_pairs(), 1});
    }
    auto const slots = arena.take<float, 2>({plan.send_begin.back(), plan.num_choices});
    auto const rows = arena.take<float, 2>({plan.num_rows(), plan.num_choices});
    pairs_to_rows(pairs, plan, rows, stream);
    begin_exchange<float>(rows, plan.receive_begin, slots, plan.send_begin, OwnRows::copy, stream);
    return slots;
}

void Exchange::end_return(
    View<float const, 2> under_way, DispatchPlan const& plan, View<float, 2> choices, Stream stream
) {
    if (!plan.travels) {
        return pairs_to_rows(under_way.flat(), plan, choices, stream);
    }
    exchange_queue(choices.device).end(stream);
    slots_to_choices(under_way, plan, choices, stream);
}

Range Exchange::own_range(std::span<std::int64_t const> begin) const {
    auto const own = static_cast<std::size_t>(group_->rank());
    return {begin[own], begin[own + 1]};
}

template <class T>
void Exchange::begin_exchange(
    View<T const, 2> send,
    std::span<std::int64_t const> send_begin,
    View<T, 2> receive,
    std::span<std::int64_t const> receive_begin,
    OwnRows own_rows,
    Stream stream
) {
    Timer const timer;
    auto const& queue = exchange_queue(send.device);
    queue.begin(stream);
    all_to_all_rows<T>(send, send_begin, receive, receive_begin, *group_, queue.stream(), own_rows);
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
    );                                                                                \
    template CombineUnderWay<T> Exchange::begin_combine(                              \
        View<T const, 2>, PairWeight, DispatchPlan const&, Arena&, Stream             \
    );                                                                                \
    template void Exchange::end_combine(                                              \
        CombineUnderWay<T> const&, DispatchPlan const&, View<T, 2>, Stream            \
    )
ISOGLOSS_INSTANTIATE(float);
ISOGLOSS_INSTANTIATE(bf16);
#undef ISOGLOSS_INSTANTIATE

}  // namespace isogloss
