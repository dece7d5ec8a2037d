// moe/exchange.cpp
#include "moe/exchange.h"

#include <algorithm>
#include <utility>

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
    if (!plan.travels) {
        return x;
    }
    auto const received = arena.take<T, 2>({plan.num_rows(), x.shape[1]});
    ArenaScope const scope(arena);
    auto const under_way = begin_dispatch<T>(x, plan, {Distances{}}, received, arena, stream);
    arrive<T>(under_way, plan, 0, stream);
    return received;
}

template <class T>
DispatchUnderWay<T> Exchange::begin_dispatch(
    View<T const, 2> x,
    DispatchPlan const& plan,
    std::vector<Distances> steps,
    View<T, 2> received,
    Arena& arena,
    Stream stream
) {
    require(
        x.shape[0] == plan.num_tokens, "dispatch: {} rows along a plan for {} tokens", x.shape[0],
        plan.num_tokens
    );
    if (!plan.travels) {
        return {{}, {}, std::move(steps)};
    }
    auto const slots = plan.send_begin.back();
    auto const send = arena.take<T, 2>({slots, x.shape[1]});
    auto const gather = [&](std::int64_t begin, std::int64_t end, View<T, 2> to) {
        gather_rows<T>(x, plan.send_token.rows(begin, end), to, stream);
    };
    auto const own = own_range(plan.send_begin);
    auto const home = own_range(plan.receive_begin);
    gather(0, own.begin, send.rows(0, own.begin));
    gather(own.end, slots, send.rows(own.end, slots));
    exchange_queue(x.device).begin(stream);
    DispatchUnderWay<T> const under_way{send, received, std::move(steps)};
    auto const first = under_way.steps.front().has_others(group_->size()) ? 0U : 1U;
    exchange_step(under_way, plan, first);
    gather(own.begin, own.end, received.rows(home.begin, home.end));  // while the others travel
    return under_way;
}

template <class T>
void Exchange::arrive(
    DispatchUnderWay<T> const& under_way, DispatchPlan const& plan, std::size_t step, Stream stream
) {
    if (plan.travels && under_way.steps[step].has_others(group_->size())) {
        exchange_queue(under_way.send.device).end(stream);
        exchange_step(under_way, plan, step + 1);
    }
}

template <class T>
void Exchange::exchange_step(
    DispatchUnderWay<T> const& under_way, DispatchPlan const& plan, std::size_t step
) {
    if (step < under_way.steps.size()) {
        exchange<T>(
            under_way.send, plan.send_begin, under_way.received, plan.receive_begin,
            under_way.steps[step].others()
        );
    }
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
    auto const under_way = begin_combine<T>(computed, weight, plan, arena);
    send_home<T>(under_way, plan, {}, stream);
    end_combine<T>(under_way, plan, y, stream);
}

template <class T>
CombineUnderWay<T> Exchange::begin_combine(
    View<T const, 2> computed, PairWeight weight, DispatchPlan const& plan, Arena& arena
) {
    require(
        computed.shape[0] == plan.num_pairs(), "combine: {} pairs along a plan for {}",
        computed.shape[0], plan.num_pairs()
    );
    if (!plan.travels) {
        return {computed, weight, {}};
    }
    auto const rows = plan.num_rows() + plan.send_begin.back();
    return {computed, weight, arena.take<T, 2>({rows, computed.shape[1]})};
}

template <class T>
void Exchange::send_home(
    CombineUnderWay<T> const& under_way,
    DispatchPlan const& plan,
    Distances distances,
    Stream stream
) {
    if (!plan.travels) {
        return;
    }
    auto const& [computed, weight, sums] = under_way;
    auto const rows = plan.num_rows();
    auto const sum = [&, weights = weights_of(weight, plan, computed.device)](Range range) {
        sum_rows<T>(
            computed, plan.row_pair_begin.rows(range.begin, range.end + 1), plan.row_pair, weights,
            sums.rows(range.begin, range.end), stream
        );
    };
    if (distances.has_others(group_->size())) {
        std::ranges::for_each(rows_from_others(plan, distances, *group_), sum);
        exchange_queue(sums.device).begin(stream);
        exchange<T>(
            sums.rows(0, rows), plan.receive_begin, sums.rows(rows, sums.shape[0]), plan.send_begin,
            distances.back(group_->size())
        );
    }
    if (distances.has_itself()) {
        sum(own_range(plan.receive_begin));  // while the others travel
    }
}

template <class T>
void Exchange::end_combine(
    CombineUnderWay<T> const& under_way, DispatchPlan const& plan, View<T, 2> y, Stream stream
) {
    require(
        y.shape[0] == plan.num_tokens, "combine: {} tokens along a plan for {}", y.shape[0],
        plan.num_tokens
    );
    auto const& [computed, weight, sums] = under_way;
    if (!plan.travels) {
        auto const weights = weights_of(weight, plan, y.device);
        return sum_rows<T>(computed, plan.row_pair_begin, plan.row_pair, weights, y, stream);
    }
    exchange_queue(y.device).end(stream);
    View<float const, 1> const unweighted{nullptr, {plan.send_begin.back()}, y.device};
    sum_rows<T>(sums, plan.token_slot_begin, plan.token_return, unweighted, y, stream);
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
    exchange_queue(pairs.device).begin(stream);
    exchange<float>(rows, plan.receive_begin, slots, plan.send_begin, {});
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
void Exchange::exchange(
    View<T const, 2> send,
    std::span<std::int64_t const> send_begin,
    View<T, 2> receive,
    std::span<std::int64_t const> receive_begin,
    Distances distances
) {
    Timer const timer;
    auto const to = exchange_queue(send.device).stream();
    all_to_all_rows<T>(send, send_begin, receive, receive_begin, *group_, to, distances);
    tally_.seconds += timer.seconds();
    for (int p = 0; p < group_->size(); ++p) {
        if (distances.others().sends(group_->rank(), p, group_->size())) {
            auto const rows = send_begin[index(p) + 1] - send_begin[index(p)];
            tally_.bytes += rows * send.shape[1] * static_cast<std::int64_t>(sizeof(T));
        }
    }
}

#define ISOGLOSS_INSTANTIATE(T)                                                                   \
    template View<T const, 2> Exchange::dispatch(                                                 \
        View<T const, 2>, DispatchPlan const&, Arena&, Stream                                     \
    );                                                                                            \
    template void Exchange::combine(                                                              \
        View<T const, 2>, PairWeight, DispatchPlan const&, Arena&, View<T, 2>, Stream             \
    );                                                                                            \
    template DispatchUnderWay<T> Exchange::begin_dispatch(                                        \
        View<T const, 2>, DispatchPlan const&, std::vector<Distances>, View<T, 2>, Arena&, Stream \
    );                                                                                            \
    template void Exchange::arrive(                                                               \
        DispatchUnderWay<T> const&, DispatchPlan const&, std::size_t, Stream                      \
    );                                                                                            \
    template CombineUnderWay<T>                                                                   \
    Exchange::begin_combine(View<T const, 2>, PairWeight, DispatchPlan const&, Arena&);           \
    template void Exchange::send_home(                                                            \
        CombineUnderWay<T> const&, DispatchPlan const&, Distances, Stream                         \
    );                                                                                            \
    template void Exchange::end_combine(                                                          \
        CombineUnderWay<T> const&, DispatchPlan const&, View<T, 2>, Stream                        \
    )
ISOGLOSS_INSTANTIATE(float);
ISOGLOSS_INSTANTIATE(bf16);
#undef ISOGLOSS_INSTANTIATE

}  // namespace isogloss
