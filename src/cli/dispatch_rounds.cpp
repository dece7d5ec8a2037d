// cli/dispatch_rounds.cpp
#include "cli/dispatch_rounds.h"

#include <fmt/format.h>
#include <mpi.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <concepts>
#include <limits>
#include <numeric>

#include "base/random.h"
#include "base/require.h"
#include "comm/collective.h"
#include "comm/mpi_check.h"
#include "device/arena.h"
#include "device/copy.h"
#include "device/moment.h"
#include "kernels/elementwise.h"
#include "kernels/permute_rows.h"
#include "moe/exchange.h"

namespace isogloss {
namespace {

// K different experts a token, by the Gumbel-max rule: the K largest of log(share) + noise.
void choose_experts(DispatchBench const& config, int rank, View<std::int32_t, 2> expert) {
    auto const experts = static_cast<std::size_t>(config.experts);
    std::vector<std::pair<double, std::int32_t>> score(experts);
    for (std::int64_t n = 0; n < config.tokens; ++n) {
        for (std::size_t e = 0; e < experts; ++e) {
            auto const index = static_cast<std::uint64_t>(n) * experts + e;
            auto const u = random_uniform(config.seed, static_cast<std::uint64_t>(rank), index);
            auto const noise = -std::log(-std::log(std::max(u, 1e-300)));
            score[e] = {
                config.skew * std::log(static_cast<double>(e + 1)) - noise,
                static_cast<std::int32_t>(e)};
        }
        std::ranges::partial_sort(score, score.begin() + config.top_k);
        for (std::int32_t k = 0; k < config.top_k; ++k) {
            expert.data[n * config.top_k + k] = score[static_cast<std::size_t>(k)].second;
        }
    }
}

// A layer's exchanges without its arithmetic: every expert returns what it got, and gates sum to 1,
// so the layer's output is its input.
template <class T>
class Exchanges {
public:
    Exchanges(DispatchBench const& config, World const& world)
        : config_(config), group_(world.comm()), arena_(config.device.device), exchange_(group_) {
        PlacementRequest request;
        request.experts_per_layer = {config.experts};
        request.num_ranks = group_.size();
        request.ranks_per_node = world.ranks_per_node();
        seats_ = seats_for(place_experts(request).layers.at(0), group_.rank(), group_.size());
        expert_ = arena_.take<std::int32_t, 2>({config.tokens, config.top_k});
        fill_from_host(expert_, {}, [&](auto host) {
            choose_experts(config, group_.rank(), host);
        });
        gate_ = arena_.take<float, 2>({config.tokens, config.top_k});
        fill<float>(gate_.flat(), 1.0F / static_cast<float>(config.top_k), {});
        x_ = arena_.take<T, 2>({config.tokens, config.width});
        fill_from_host(x_, {}, [&](auto host) {
            for (std::int64_t i = 0; i < host.size(); ++i) {
                auto const u = random_uniform(config.seed, 1000000, static_cast<std::uint64_t>(i));
                host.data[i] = from_float<T>(static_cast<float>(0.5 + u));
            }
        });
        y_ = arena_.take<T, 2>({config.tokens, config.width});
    }

    Measurements measure() {
        Measurements out;
        for (std::int64_t round = -config_.warmups; round < config_.rounds; ++round) {
            ArenaScope const scope(arena_);
            this_round_ = round;
            one_round(out);
        }
        return out;
    }

private:
    void one_round(Measurements& out) {
        DispatchPlan plan;
        timed(out.plan, [&] { plan = plan_dispatch(expert_, gate_, seats_, group_, arena_, {}); });
        View<T const, 2> received;
        auto tally = exchange_.tally();
        timed(out.dispatch, [&] { received = exchange_.dispatch<T>(x_, plan, arena_, {}); });
        add_exchange(out.dispatch_exchange, tally);
        out.dispatch.bytes = out.dispatch_exchange.bytes;

        auto const computed = arena_.take<T, 2>({plan.num_pairs(), config_.width});
        gather_rows<T>(received, plan.pair_row, computed, {});
        tally = exchange_.tally();
        timed(out.combine, [&] {
            exchange_.combine<T>(computed, PairWeight::gate, plan, arena_, y_, {});
        });
        add_exchange(out.combine_exchange, tally);
        out.combine.bytes = out.combine_exchange.bytes;
        plain_exchange(plan, out.plain);
        out.rows_saved = rows_saved(plan);
        check_output();
    }

    // Time of `work` from a common start to the end of its slowest rank.
    void timed(Measured& measured, std::invocable auto&& work) {
        barrier(group_);
        auto const begin = now();
        work();
        auto const seconds = max_over(now().seconds_since(begin), group_);
        if (this_round_ >= 0) {
            measured.seconds.push_back(seconds);
        }
    }

    void add_exchange(Measured& measured, ExchangeTally const& before) {
        auto const seconds = max_over(exchange_.tally().seconds - before.seconds, group_);
        measured.bytes = exchange_.tally().bytes - before.bytes;
        if (this_round_ >= 0 && arena_.device() == Device::cpu) {
            measured.seconds.push_back(seconds);
        }
    }

    [[nodiscard]] Moment now() const { return {arena_.device(), {}}; }

    void plain_exchange(DispatchPlan const& plan, Measured& measured) {
        if (!plan.travels) {
            return;
        }
        switch (arena_.device()) {
            case Device::cpu: return plain_mpi(plan, measured);
            case Device::cuda: return plain_nccl(plan, measured);
        }
    }

    // The bytes of this dispatch between buffers that nobody else touches.
    void plain_nccl(DispatchPlan const& plan, Measured& measured) {
        ArenaScope const scope(arena_);
        auto const send = arena_.take<T, 2>({plan.send_begin.back(), config_.width});
        auto const receive = arena_.take<T, 2>({plan.num_rows(), config_.width});
        timed(measured, [&] {
            all_to_all_rows<T>(
                send, plan.send_begin, receive, plan.receive_begin, group_, {},
                Distances{.begin = 1}
            );
        });
        auto const own = static_cast<std::size_t>(group_.rank());
        auto const kept = plan.send_begin[own + 1] - plan.send_begin[own];
        measured.bytes =
            (send.shape[0] - kept) * config_.width * static_cast<std::int64_t>(sizeof(T));
    }

    // MPI alone with the bytes of this dispatch, between buffers that nobody else touches.
    void plain_mpi(DispatchPlan const& plan, Measured& measured) {
        auto const ranks = static_cast<std::size_t>(group_.size());
        auto const row = config_.width * static_cast<std::int64_t>(sizeof(T));
        std::array<std::vector<int>, 2> counts;
        std::array<std::vector<int>, 2> places;
        std::array<std::span<std::int64_t const>, 2> const begins{
            plan.send_begin, plan.receive_begin};
        for (std::size_t side = 0; side < 2; ++side) {
            std::int64_t place = 0;
            for (std::size_t p = 0; p < ranks; ++p) {
                bool const is_own = static_cast<int>(p) == group_.rank();
                auto const rows = is_own ? 0 : begins[side][p + 1] - begins[side][p];
                counts[side].push_back(static_cast<int>(rows * row));
                places[side].push_back(static_cast<int>(place));
                place += rows * row;
            }
            require_usage(
                place <= std::numeric_limits<int>::max(),
                "bench dispatch: {} bytes a rank are more than one plain exchange can count; use "
                "fewer tokens",
                place
            );
        }
        send_.resize(static_cast<std::size_t>(plan.send_begin.back() * row), 1);
        receive_.resize(static_cast<std::size_t>(plan.receive_begin.back() * row));
        timed(measured, [&] {
            ISOGLOSS_MPI(MPI_Alltoallv(
                send_.data(), counts[0].data(), places[0].data(), MPI_BYTE, receive_.data(),
                counts[1].data(), places[1].data(), MPI_BYTE, group_.get()
            ));
        });
        measured.bytes = std::accumulate(counts[0].begin(), counts[0].end(), std::int64_t{0});
    }

    [[nodiscard]] double rows_saved(DispatchPlan const& plan) const {
        if (!plan.travels) {
            return 0.0;
        }
        std::int64_t choices = 0;
        for (std::size_t e = 0; e < plan.expert_tokens.size(); ++e) {
            choices += seats_.rank[e] == group_.rank() ? 0 : plan.expert_tokens[e];
        }
        auto const own = static_cast<std::size_t>(group_.rank());
        auto const slots =
            plan.send_begin.back() - (plan.send_begin[own + 1] - plan.send_begin[own]);
        auto const all = sum_over(choices, group_);
        auto const sent = sum_over(slots, group_);
        return all == 0 ? 0.0 : 1.0 - static_cast<double>(sent) / static_cast<double>(all);
    }

    // A fast wrong answer is no result. Each of P partial sums is rounded once, their sum again.
    void check_output() const {
        float const unit = sizeof(T) == 2 ? 0x1p-8F : 0x1p-24F;
        float const bound = unit * static_cast<float>(2 * config_.top_k + 2);
        std::array<Buffer<T>, 2> rooms;
        auto const sent = on_host(x_, rooms[0], {});
        auto const home = on_host(y_, rooms[1], {});
        for (std::int64_t i = 0; i < sent.size(); ++i) {
            auto const x = to_float(sent.data[i]);
            require(
                std::abs(to_float(home.data[i]) - x) <= bound * x,
                "bench dispatch: element {} came home as {} and was {}", i, to_float(home.data[i]),
                x
            );
        }
    }

    DispatchBench const& config_;
    MpiComm const& group_;
    Arena arena_;
    Exchange exchange_;
    ExpertSeats seats_;
    View<std::int32_t, 2> expert_;
    View<float, 2> gate_;
    View<T, 2> x_, y_;
    std::vector<char> send_, receive_;
    std::int64_t this_round_ = 0;
};

}  // namespace

std::vector<std::string> DispatchBench::problems() const {
    std::vector<std::string> faults;
    if (width < 1 || tokens < 0 || rounds < 1 || warmups < 0) {
        faults.push_back(fmt::format(
            "width = {} and rounds = {} must be at least 1, tokens = {} and warmups = {} at "
            "least 0",
            width, rounds, tokens, warmups
        ));
    }
    if (experts < 1 || top_k < 1 || top_k > experts) {
        faults.push_back(fmt::format("top-k = {}: must lie in [1, experts = {}]", top_k, experts));
    }
    if (!(skew >= 0.0 && skew < 100.0)) {
        faults.push_back(fmt::format("skew = {}: must lie in [0, 100)", skew));
    }
    return faults;
}

double Measured::quantile(double q) const {
    auto sorted = seconds;
    std::ranges::sort(sorted);
    return sorted[static_cast<std::size_t>(q * static_cast<double>(sorted.size() - 1))];
}

Measurements measure_dispatch(DispatchBench const& config, World const& world) {
    return config.dtype == DType::bf16 ? Exchanges<bf16>(config, world).measure()
                                       : Exchanges<float>(config, world).measure();
}

}  // namespace isogloss
