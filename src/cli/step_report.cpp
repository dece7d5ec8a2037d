// cli/step_report.cpp
#include "cli/step_report.h"

#include <fmt/format.h>

#include "base/table.h"
#include "base/text.h"
#include "cli/median.h"

namespace isogloss {
namespace {

std::string device_text(Json const& json) {
    std::int64_t const bytes = json["device_bytes"];
    return bytes == 0 ? "" : ", " + bytes_text(bytes) + " of the GPU in use";
}

// What the parts of a step on one rank would take one after the other, in seconds.
Json limit_json(BenchModel const& model, double products, double copy) {
    auto const tokens = model.rows * model.row_length;
    return {
        {"products", product_flops(model, tokens) / products},
        {"attention", attention_flops(model, tokens) / products},
        {"memory", step_bytes(model, tokens) / copy}};
}

std::string limit_line(Json const& limit, double seconds, char const* rate) {
    double const products = limit["products"];
    double const attention = limit["attention"];
    double const memory = limit["memory"];
    double const sum = products + attention + memory;
    return fmt::format(
        "limit of a step: {:.4f} s = products {:.4f} + attention {:.4f} at the rate that products "
        "{} + memory {:.4f}; this one is at {:.0f} %\n",
        sum, products, attention, rate, memory, 100.0 * sum / seconds
    );
}

// How far a step on one rank is from its limit; on a GPU also from that at the rate of short calls.
std::string limit_text(Json const& json) {
    if (!json.contains("limit_seconds")) {
        return "";
    }
    double const seconds = json["seconds"];
    if (json["product_peak"] == json["product_rate_held"]) {
        return limit_line(json["limit_seconds"], seconds, "reach");
    }
    return limit_line(json["limit_seconds"], seconds, "keep up") +
           limit_line(json["limit_seconds_at_peak"], seconds, "reach for a moment");
}

}  // namespace

Json step_json(
    StepBench const& bench, StepTimes const& times, StepLimits const& limits, int ranks
) {
    double const tokens = static_cast<double>(bench.model.rows * bench.model.row_length);
    double const step = median(times.seconds);
    double const flops = flops_per_token(bench.model) * tokens / step;
    Json json;
    json["dtype"] = name_of(bench.model.dtype);
    json["ranks"] = ranks;
    json["tokens"] = tokens;
    json["seconds"] = step;
    json["tokens_per_second"] = tokens / step;
    json["best_tokens_per_second"] = tokens / std::ranges::min(times.seconds);
    json["flops_per_token"] = flops_per_token(bench.model);
    json["flops_per_second"] = flops;
    json["product_peak"] = limits.products.best;
    json["product_rate_held"] = limits.products.held;
    json["share_of_peak"] = flops / limits.products.best;
    json["copy_peak"] = limits.copy;
    if (ranks == 1) {
        json["limit_seconds"] = limit_json(bench.model, limits.products.held, limits.copy);
        json["limit_seconds_at_peak"] = limit_json(bench.model, limits.products.best, limits.copy);
    }
    for (auto const& [name, seconds] : times.phases) {
        json["phase_seconds"][name] = median(seconds);
    }
    return json;
}

void print_step(StepBench const& bench, Json const& json) {
    double const step = json["seconds"];
    auto const& model = bench.model;
    fmt::print(
        "{}, {} ranks: width {}, {} layers, {} heads, ffn {}, vocabulary {}, {} experts, top-{}, "
        "{} rows of {}{}\n",
        name_of(model.dtype), json["ranks"].get<int>(), model.width, model.layers, model.heads,
        model.ffn, model.vocab, model.experts, model.choices(), model.rows, model.row_length,
        model.freeze_backbone
            ? fmt::format("; frozen: backbone, {} experts a layer", model.frozen_experts)
            : ""
    );
    Table table({"phase", "seconds", "share"});
    double sum = 0.0;
    for (auto const& [name, value] : json["phase_seconds"].items()) {
        double const seconds = value;
        sum += seconds;
        table.add_row(
            {name, decimal_text(seconds, 4), decimal_text(100.0 * seconds / step, 1) + " %"}
        );
    }
    table.add_row(
        {"other", decimal_text(step - sum, 4), decimal_text(100.0 * (step - sum) / step, 1) + " %"}
    );
    table.add_rule();
    table.add_row({"step", decimal_text(step, 4), "100.0 %"});
    fmt::print("{}", table.text());
    fmt::print(
        "tokens/s: {:.0f} median, {:.0f} best of {} steps; activations {} in {} blocks{}\n"
        "model: {:.1f} MFLOP a token = {}, with head, without embedding + 12 x layers x width x "
        "row "
        "length\n"
        "{:.1f} GFLOP/s, {:.1f} % of the {:.1f} GFLOP/s of the step's own products alone; copies "
        "move {:.0f} GB/s\n"
        "load: the busiest expert of a layer has {:.2f} times the mean, the busiest rank {:.2f}\n",
        json["tokens_per_second"].get<double>(), json["best_tokens_per_second"].get<double>(),
        bench.steps, bytes_text(json["activation_bytes"]), json["activation_blocks"].get<int>(),
        device_text(json), json["flops_per_token"].get<double>() / 1e6,
        model.freeze_backbone ? "4 x parameters used + 2 x those that train"
                              : "6 x parameters used",
        json["flops_per_second"].get<double>() / 1e9, 100.0 * json["share_of_peak"].get<double>(),
        json["product_peak"].get<double>() / 1e9, json["copy_peak"].get<double>() / 1e9,
        json["busiest_expert"].get<double>(), json["busiest_rank"].get<double>()
    );
    fmt::print("{}", limit_text(json));
}

}  // namespace isogloss
