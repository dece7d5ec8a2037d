// cli/bench_dispatch.cpp
#include <fmt/format.h>
#include <mpi.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdio>
#include <limits>
#include <numeric>
#include <vector>

#include "base/clock.h"
#include "base/json.h"
#include "base/options.h"
#include "base/random.h"
#include "base/table.h"
#include "cli/commands.h"
#include "comm/collective.h"
#include "comm/mpi_check.h"
#include "comm/world.h"
#include "kernels/permute_rows.h"
#include "moe/exchange.h"

namespace isogloss {
namespace {

struct DispatchBench {
    std::int64_t width = 512;
    std::int64_t tokens = 4096;
    std::int32_t experts = 8;
    std::int32_t top_k = 2;
    double skew = 0.0;
    DType dtype = DType::f32;
    std::int64_t rounds = 50;
    std::int64_t warmups = 5;
    std::uint64_t seed = 1;
    bool json = false;

    [[nodiscard]] std::vector<std::string> problems() const {
        std::vector<std::string> faults;
        if (width < 1 || tokens < 0 || rounds < 1 || warmups < 0) {
            faults.push_back(fmt::format(
                "width = {} and rounds = {} must be at least 1, tokens = {} and warmups = {} at "
                "least 0",
                width, rounds, tokens, warmups
            ));
        }
        if (experts < 1 || top_k < 1 || top_k > experts) {
            faults.push_back(
                fmt::format("top-k = {}: must lie in [1, experts = {}]", top_k, experts)
            );
        }
        if (!(skew >= 0.0 && skew < 100.0)) {
            faults.push_back(fmt::format("skew = {}: must lie in [0, 100)", skew));
        }
        return faults;
    }
};

void describe(Options& options, DispatchBench& config) {
    options.add("width", config.width, "elements of a row, D");
    options.add("tokens", config.tokens, "tokens of each rank, N");
    options.add("experts", config.experts, "of the layer, E");
    options.add("top-k", config.top_k, "experts a token visits, K");
    options.add(
        "skew", config.skew, "expert e is chosen in proportion to 1 / (e + 1)^skew; 0: all alike"
    );
    options.add_choice(
        "dtype", config.dtype, {{"f32", DType::f32}, {"bf16", DType::bf16}}, "type of the rows"
    );
    options.add("rounds", config.rounds, "measured repetitions");
    options.add("warmups", config.warmups, "repetitions before the first measured one");
    options.add("seed", config.seed, "of the choices and the rows");
    options.add("json", config.json, "print one JSON document instead of a table");
    options.add_check([&] { return config.problems(); });
}

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

// Seconds of each round on the slowest rank, and what this rank sent in one.
struct Measured {
    std::vector<double> seconds;
    std::int64_t bytes = 0;

    [[nodiscard]] double quantile(double q) const {
        auto sorted = seconds;
        std::ranges::sort(sorted);
        return sorted[static_cast<std::size_t>(q * static_cast<double>(sorted.size() - 1))];
    }
};

struct Measurements {
    Measured plan, dispatch, dispatch_exchange, combine, combine_exchange, plain;
    double rows_saved = 0.0;  // share of the travelling choices that de-duplication kept at home
};

// A layer's exchanges without its arithmetic: every expert returns what it got, and gates sum to 1,
// so the layer's output is its input.
template <class T>
class Exchanges {
public:
    Exchanges(DispatchBench const& config, World const& world)
        : config_(config), group_(world.comm()), arena_(Device::cpu), exchange_(group_) {
        PlacementRequest request;
        request.experts_per_layer = {config.experts};
        request.num_ranks = group_.size();
        request.ranks_per_node = world.ranks_per_node();
        seats_ = seats_for(place_experts(request).layers.at(0), group_.rank(), group_.size());
        expert_ = arena_.take<std::int32_t, 2>({config.tokens, config.top_k});
        choose_experts(config, group_.rank(), expert_);
        gate_ = arena_.take<float, 2>({config.tokens, config.top_k});
        std::ranges::fill(gate_.span(), 1.0F / static_cast<float>(config.top_k));
        x_ = arena_.take<T, 2>({config.tokens, config.width});
        for (std::int64_t i = 0; i < x_.size(); ++i) {
            auto const index = static_cast<std::uint64_t>(i);
            x_.data[i] =
                from_float<T>(static_cast<float>(0.5 + random_uniform(config.seed, 1000000, index))
                );
        }
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
        Timer const timer;
        work();
        auto const seconds = max_over(timer.seconds(), group_);
        if (this_round_ >= 0) {
            measured.seconds.push_back(seconds);
        }
    }

    void add_exchange(Measured& measured, ExchangeTally const& before) {
        auto const seconds = max_over(exchange_.tally().seconds - before.seconds, group_);
        measured.bytes = exchange_.tally().bytes - before.bytes;
        if (this_round_ >= 0) {
            measured.seconds.push_back(seconds);
        }
    }

    // MPI alone with the bytes of this dispatch, between buffers that nobody else touches.
    void plain_exchange(DispatchPlan const& plan, Measured& measured) {
        if (!plan.travels) {
            return;
        }
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
        for (std::int64_t i = 0; i < x_.size(); ++i) {
            auto const x = to_float(x_.data[i]);
            require(
                std::abs(to_float(y_.data[i]) - x) <= bound * x,
                "bench dispatch: element {} came home as {} and was {}", i, to_float(y_.data[i]), x
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

// One line of the result, with the bytes of all ranks.
struct Line {
    std::string name;
    Measured const* measured;
    double mean_bytes = 0.0;
    double max_bytes = 0.0;

    [[nodiscard]] double bytes_a_second() const { return mean_bytes / measured->quantile(0.5); }
};

// Collective over `group`.
std::vector<Line> lines_of(Measurements const& all, MpiComm const& group) {
    std::vector<Line> lines{
        {"plan", &all.plan},
        {"dispatch", &all.dispatch},
        {"  its exchange", &all.dispatch_exchange},
        {"combine", &all.combine},
        {"  its exchange", &all.combine_exchange},
        {"plain MPI_Alltoallv", &all.plain}};
    for (auto& line : lines) {
        auto const bytes = line.measured->bytes;
        line.mean_bytes = static_cast<double>(sum_over(bytes, group)) / group.size();
        line.max_bytes = static_cast<double>(max_over(bytes, group));
    }
    std::erase_if(lines, [](Line const& line) { return line.measured->seconds.empty(); });
    return lines;
}

// Of the plain exchange's rate; nothing to compare with where nothing travels.
double share_of_plain(Line const& line, std::vector<Line> const& lines) {
    auto const& plain = lines.back();
    bool const has_both = plain.mean_bytes > 0.0 && line.mean_bytes > 0.0;
    return has_both ? line.bytes_a_second() / plain.bytes_a_second() : std::nan("");
}

std::string as_table(DispatchBench const& config, std::vector<Line> const& lines, double saved) {
    Table table(
        {"part", "best ms", "median ms", "p99 ms", "MB sent a rank", "MB at most", "GB/s",
         "of plain"}
    );
    for (auto const& line : lines) {
        bool const travels = line.mean_bytes > 0.0;
        table.add_row(
            {line.name, decimal_text(line.measured->quantile(0.0) * 1e3, 3),
             decimal_text(line.measured->quantile(0.5) * 1e3, 3),
             decimal_text(line.measured->quantile(0.99) * 1e3, 3),
             decimal_text(line.mean_bytes / 1e6, 3), decimal_text(line.max_bytes / 1e6, 3),
             travels ? decimal_text(line.bytes_a_second() / 1e9, 2) : "-",
             decimal_text(share_of_plain(line, lines), 2)}
        );
    }
    return fmt::format(
        "{}\nwidth {}, {} tokens a rank, {} experts, top {}, skew {}, {}; {} rounds after {}.\n"
        "Times are those of the slowest rank from a common start; GB/s = mean bytes sent a rank / "
        "median.\nAn exchange inside a part waits for the slowest rank's copies too; the plain one "
        "starts from "
        "a barrier.\nA token travels once a rank: {:.1f} % of the rows that choices would send "
        "stay "
        "at home.\n",
        table.text(), config.width, config.tokens, config.experts, config.top_k, config.skew,
        name_of(config.dtype), config.rounds, config.warmups, 100.0 * saved
    );
}

Json as_json(DispatchBench const& config, std::vector<Line> const& lines, double saved, int ranks) {
    Json parts = Json::array();
    for (auto const& line : lines) {
        auto const name = line.name.find_first_not_of(' ') == 0
                              ? line.name
                              : parts.back()["part"].get<std::string>() + " exchange";
        auto const share = share_of_plain(line, lines);
        parts.push_back(
            {{"part", name},
             {"best_seconds", line.measured->quantile(0.0)},
             {"median_seconds", line.measured->quantile(0.5)},
             {"p99_seconds", line.measured->quantile(0.99)},
             {"mean_bytes_sent", line.mean_bytes},
             {"max_bytes_sent", line.max_bytes},
             {"bytes_a_second", line.bytes_a_second()},
             {"of_plain", std::isnan(share) ? Json() : Json(share)}}
        );
    }
    return {
        {"ranks", ranks},
        {"width", config.width},
        {"tokens", config.tokens},
        {"experts", config.experts},
        {"top_k", config.top_k},
        {"skew", config.skew},
        {"dtype", name_of(config.dtype)},
        {"rounds", config.rounds},
        {"rows_saved", saved},
        {"parts", parts}};
}

}  // namespace

Exit run_bench_dispatch(Arguments const& arguments, World const& world) {
    DispatchBench config;
    Options options(
        "bench dispatch",
        "Times the exchanges of one mixture-of-experts layer: plan, dispatch, combine, next to a "
        "plain MPI_Alltoallv of the same bytes in the same rounds."
    );
    describe(options, config);
    if (options.parse(arguments) == Parsed::help) {
        return print_help(options, world);
    }
    auto const& group = world.comm();
    auto const measured = config.dtype == DType::bf16 ? Exchanges<bf16>(config, world).measure()
                                                      : Exchanges<float>(config, world).measure();
    auto const lines = lines_of(measured, group);
    if (group.rank() == 0) {
        auto const text =
            config.json ? as_json(config, lines, measured.rows_saved, group.size()).dump(2) + "\n"
                        : as_table(config, lines, measured.rows_saved);
        std::fputs(text.c_str(), stdout);
    }
    return Exit::done;
}

}  // namespace isogloss
