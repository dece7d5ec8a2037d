// cli/bench_dispatch.cpp
#include <fmt/format.h>

#include <cmath>
#include <cstdio>
#include <vector>

#include "base/json.h"
#include "base/options.h"
#include "base/table.h"
#include "cli/commands.h"
#include "cli/dispatch_rounds.h"
#include "comm/collective.h"

namespace isogloss {
namespace {

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
    describe(options, config.device);
    options.add("rounds", config.rounds, "measured repetitions");
    options.add("warmups", config.warmups, "repetitions before the first measured one");
    options.add("seed", config.seed, "of the choices and the rows");
    options.add("json", config.json, "print one JSON document instead of a table");
    options.add_check([&] { return config.problems(); });
}

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
        {"plain exchange", &all.plain}};
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
        "plain exchange (MPI_Alltoallv, or NCCL's sends and receives) of the same bytes in the "
        "same rounds."
    );
    describe(options, config);
    if (options.parse(arguments) == Parsed::help) {
        return print_help(options, world);
    }
    auto const& group = world.comm();
    take_device(config.device, world);
    auto const measured = measure_dispatch(config, world);
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
