// cli/bench_kernels.cpp
#include <fmt/format.h>

#include "base/json.h"
#include "base/table.h"
#include "cli/commands.h"
#include "cli/kernel_rounds.h"
#include "cli/measured_limits.h"
#include "device/cuda_device.h"

namespace isogloss {
namespace {

struct KernelsBench {
    BenchModel model;
    Device device = Device::cpu;
    std::int32_t repeats = 5;
    bool json = false;
};

double share_of_limit(KernelTime const& time, StepLimits const& limits) {
    return time.flops > 0.0 ? time.flops / time.seconds / limits.products.best
                            : time.bytes / time.seconds / limits.copy;
}

Json to_json(std::vector<KernelTime> const& times, StepLimits const& limits) {
    Json json = Json::array();
    for (auto const& time : times) {
        Json entry{
            {"name", time.name},
            {"seconds", time.seconds},
            {"share_of_limit", share_of_limit(time, limits)}};
        if (time.flops > 0.0) {
            entry["gflops"] = time.flops / time.seconds / 1e9;
        }
        if (time.bytes > 0.0) {
            entry["gb_per_second"] = time.bytes / time.seconds / 1e9;
        }
        json.push_back(entry);
    }
    return json;
}

std::string table_text(std::vector<KernelTime> const& times, StepLimits const& limits) {
    Table table({"operation", "ms", "GFLOP/s", "GB/s", "% of limit"});
    for (auto const& time : times) {
        table.add_row(
            {time.name, decimal_text(1e3 * time.seconds, 3),
             time.flops > 0.0 ? decimal_text(time.flops / time.seconds / 1e9, 1) : "",
             time.bytes > 0.0 ? decimal_text(time.bytes / time.seconds / 1e9, 1) : "",
             decimal_text(100.0 * share_of_limit(time, limits), 0)}
        );
    }
    return table.text() +
           fmt::format(
               "limits: products of this step {:.0f} GFLOP/s, large copy {:.0f} GB/s\n",
               limits.products.best / 1e9, limits.copy / 1e9
           );
}

}  // namespace

Exit run_bench_kernels(Arguments const& arguments) {
    KernelsBench bench;
    Options options(
        "bench kernels",
        "Times each operation of a training step alone, at the step's shapes: the best of a few "
        "calls. GB/s count what must be read and written once."
    );
    describe(options, bench.model);
    options.add_choice(
        "device", bench.device, {{"cpu", Device::cpu}, {"cuda", Device::cuda}}, "what computes"
    );
    options.add("repeats", bench.repeats, "calls that are timed, after one that is not");
    options.add("json", bench.json, "print one JSON document instead of a table");
    if (options.parse(arguments) == Parsed::help) {
        return print_help(options);
    }
    if (bench.device == Device::cuda) {
        cuda::choose_device(0);
    }
    StepLimits const limits{
        product_rates(bench.model, bench.device, bench.model.rows * bench.model.row_length),
        copy_peak(bench.device)};
    auto const times = time_kernels(bench.model, bench.device, bench.repeats);
    fmt::print(
        "{}", bench.json ? to_json(times, limits).dump(2) + "\n" : table_text(times, limits)
    );
    return Exit::done;
}

}  // namespace isogloss
