// cli/bench_step.cpp
#include <fmt/format.h>

#include <algorithm>
#include <cstdio>

#include "cli/commands.h"
#include "cli/measured_limits.h"
#include "cli/step_load.h"
#include "cli/step_report.h"
#include "comm/activity.h"
#include "comm/collective.h"
#include "comm/rank_device.h"
#include "comm/world.h"
#include "device/cuda_device.h"
#include "device/moment.h"
#include "kernels/elementwise.h"
#include "model/language_model.h"
#include "model/optimizer.h"
#include "optim/gradient_norm.h"

namespace isogloss {
namespace {

// Steps before those that count; a GPU's libraries load kernels for new numbers of rows for a
// while.
constexpr std::int64_t warmups(Device device) {
    return device == Device::cpu ? 2 : 6;
}

// A trained router spreads tokens almost evenly. One drawn at random tells apart only tokens that
// differ: with embeddings as narrow as a model's it sends a rank 15 to 25 % more than another, for
// which that one waits. And within a few steps on one batch it would learn to prefer an expert; a
// step takes as long at any rate.
constexpr float kWiderEmbedding = 10.0F;
constexpr float kLearningRate = 1e-6F;

template <class T>
void widen_embedding(ParameterTable& parameters) {
    auto const embedding = parameters.index_of("embedding.weight");
    scale<T>(parameters.values<T>(embedding), kWiderEmbedding, Stream{});
}

// Placement that spreads the experts evenly.
Placement even_placement(ModelConfig const& config, World const& world) {
    PlacementRequest request;
    request.experts_per_layer = config.experts_per_layer();
    request.num_ranks = world.comm().size();
    request.ranks_per_node = world.ranks_per_node();
    return place_experts(request);
}

// One model, its optimizer and its tokens.
class StepRunner {
public:
    StepRunner(StepBench const& bench, World const& world)
        : world_(world.comm()),
          config_(config_of(bench.model)),
          device_(bench.device.device),
          placement_(even_placement(config_, world)),
          model_(config_, placement_, world_, {device_, bench.recompute}),
          batch_(synthetic_batch(bench.model, world_.rank(), world_.size())),
          counted_(static_cast<double>(bench.model.rows * bench.model.row_length)),
          optimizer_(initialised()) {}

    StepTimes run(std::int64_t steps) {
        StepTimes times;
        auto const uncounted = warmups(device_);
        for (std::int64_t step = 1; step <= uncounted + steps; ++step) {
            barrier(world_);
            auto const begin = now();
            auto const parts = one_step(step);
            double const seconds = max_over(now().seconds_since(begin), world_);
            if (step > uncounted) {
                times.seconds.push_back(seconds);
                for (auto const& [name, value] : parts) {
                    times.add_phase(name, value);
                }
            }
        }
        // What is measured next has the GPU to itself.
        auto const& parameters = model_.parameters();
        parameters.await_values(parameters.num_blocks());
        return times;
    }

    /// Of the last step. Collective.
    [[nodiscard]] StepLoad load() const { return load_of(last_, placement_, world_); }
    [[nodiscard]] std::int64_t activation_bytes() const { return model_.activation_bytes(); }
    [[nodiscard]] std::int64_t activation_blocks() const { return model_.activation_blocks(); }

private:
    Optimizer initialised() {
        auto& parameters = model_.parameters();
        initialise(parameters, config_, 1);
        config_.dtype == DType::f32 ? widen_embedding<float>(parameters)
                                    : widen_embedding<bf16>(parameters);
        return Optimizer(model_.parameters());
    }

    // Forward, backward, gradient sums, clipping, AdamW: what a training step does.
    PhaseSeconds one_step(std::int64_t step) {
        auto const begin = now();
        model_.parameters().restart_gradients();
        auto const zeroed = now();
        last_ = model_.train(
            batch_,
            {.counted_targets = counted_, .losses = {.balance = 0.01}, .optimizer = &optimizer_}
        );
        auto const trained = now();
        mark_phase("reducing gradients");
        double const norm = optimizer_.reduce_gradients(world_);
        auto const reduced = now();
        mark_phase("updating");
        optimizer_.update(
            {.learning_rate = kLearningRate,
             .weight_decay = 0.1F,
             .gradient_scale = clip_factor(norm, 1.0),
             .step = step}
        );
        auto const updated = now();
        auto parts = model_.phase_seconds();
        parts.emplace_back("reduce", reduced.seconds_since(trained));
        parts.emplace_back("update", updated.seconds_since(reduced) + zeroed.seconds_since(begin));
        return parts;
    }

    [[nodiscard]] Moment now() const { return {device_, Stream{}}; }

    MpiComm const& world_;
    ModelConfig config_;
    Device device_;
    Placement placement_;
    LanguageModel model_;
    Batch batch_;
    double counted_;
    Optimizer optimizer_;
    PassResult last_;
};

// Bytes of the GPU in use, by whomever; 0 on the CPU.
std::int64_t device_bytes(Device device) {
    return device == Device::cpu
               ? 0
               : cuda::device_properties().memory_bytes - cuda::free_device_memory();
}

}  // namespace

Exit run_bench_step(Arguments const& arguments, World const& world) {
    StepBench bench;
    Options options(
        "bench step",
        "Times training steps on synthetic tokens: forward, backward, gradient sums, clipping, "
        "AdamW; and the matrix products of the same shapes alone, as the limit."
    );
    describe(options, bench.model);
    describe(options, bench.device);
    options.add(
        "steps", bench.steps, "steps that are timed, after two that are not (six on a GPU)"
    );
    options.add("recompute", bench.recompute, "keep block inputs only, run forward again");
    options.add("json", bench.json, "print one JSON document instead of a table");
    options.add_check([&] {
        std::vector<std::string> faults;
        if (bench.steps < 1) {
            faults.push_back(fmt::format("steps = {}: must be at least 1", bench.steps));
        }
        return faults;
    });
    if (options.parse(arguments) == Parsed::help) {
        return print_help(options, world);
    }
    auto const& comm = world.comm();
    take_device(bench.device, world);
    StepRunner runner(bench, world);
    auto const times = runner.run(bench.steps);
    auto const used = device_bytes(bench.device.device);
    barrier(comm);
    auto const tokens = even_part(bench.model.rows, comm.size(), 0).size() * bench.model.row_length;
    auto const device = bench.device.device;
    auto const rates = product_rates(bench.model, device, tokens);
    StepLimits const limits{
        {sum_over(rates.best, comm), sum_over(rates.held, comm)}, copy_peak(device)};
    auto json = step_json(bench, times, limits, comm.size());
    auto const load = runner.load();
    json["busiest_expert"] = load.expert;
    json["busiest_rank"] = load.rank;
    json["activation_bytes"] = runner.activation_bytes();
    json["activation_blocks"] = runner.activation_blocks();
    json["device_bytes"] = used;
    if (comm.rank() == 0) {
        if (bench.json) {
            fmt::print("{}\n", json.dump(2));
        } else {
            print_step(bench, json);
        }
    }
    return Exit::done;
}

}  // namespace isogloss
