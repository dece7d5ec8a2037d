// model/language_model.cpp
#include "model/language_model.h"

#include <algorithm>
#include <utility>
#include <variant>

#include "base/require.h"
#include "device/copy.h"
#include "kernels/rotary.h"
#include "model/layer_routing.h"
#include "model/transformer.h"

namespace isogloss {
namespace {

// Cosines and sines for as many positions as the longest row so far has.
class PositionTable {
public:
    PositionTable(ModelConfig const& config, Device device)
        : frequencies_(
              rotary_frequencies(config.rope_theta, config.head_width / 2, config.rope_scaling)
          ),
          half_(config.head_width / 2),
          device_(device) {}

    void cover(std::int64_t positions) {
        if (positions <= covered_) {
            return;
        }
        cosine_ = Buffer<float>(device_, positions * half_);
        sine_ = Buffer<float>(device_, positions * half_);
        covered_ = positions;
        fill_from_host(cosine(), Stream{}, [&](auto host_cosine) {
            fill_from_host(sine(), Stream{}, [&](auto host_sine) {
                rotary_table(frequencies_, host_cosine, host_sine);
            });
        });
    }
    [[nodiscard]] View<float, 2> cosine() const { return cosine_.view<2>({covered_, half_}); }
    [[nodiscard]] View<float, 2> sine() const { return sine_.view<2>({covered_, half_}); }

private:
    std::vector<double> frequencies_;
    std::int64_t half_;
    Device device_;
    std::int64_t covered_ = 0;
    Buffer<float> cosine_;
    Buffer<float> sine_;
};

void check_batch(Batch const& batch, ModelConfig const& config) {
    require(
        batch.row_length >= 0 && batch.row_length <= config.max_positions,
        "rows of {} tokens; the model takes at most model.max_positions = {}", batch.row_length,
        config.max_positions
    );
    for (auto const* list :
         {&batch.tokens, &batch.targets, &batch.position, &batch.document_start}) {
        require(
            list->size() == batch.size(),
            "a batch of {} rows of {} tokens has a list of {} elements", batch.rows,
            batch.row_length, list->size()
        );
    }
}

}  // namespace

struct LanguageModel::Parts {
    using Network = std::variant<Transformer<float>, Transformer<bf16>>;

    Parts(
        ModelConfig const& a_config,
        Placement const& placement,
        MpiComm const& world,
        Settings const& settings
    )
        : config(buildable(a_config)),
          parameters(config, placement, world, settings.device),
          arena(settings.device),
          watch(settings.device),
          positions(config, settings.device),
          network(make_network(
              config,
              parameters,
              placement,
              world,
              settings.recompute ? Activations::recompute : Activations::keep
          )) {}

    static Network make_network(
        ModelConfig const& config,
        ParameterTable const& parameters,
        Placement const& placement,
        MpiComm const& world,
        Activations activations
    ) {
        if (config.dtype == DType::bf16) {
            return Transformer<bf16>(config, parameters, placement, world, activations);
        }
        return Transformer<float>(config, parameters, placement, world, activations);
    }

    // Starts a pass: everything of the pass before is given back.
    Pass start(Batch const& batch, PassOptions const& options) {
        check_batch(batch, config);
        arena.reset();
        routing = layer_routing(config, batch, options, arena);
        watch.restart();
        positions.cover(batch.row_length);
        return {
            {{batch.rows, batch.row_length, config.num_heads, config.num_kv_heads,
              config.head_width},
             on_device(batch.position.view(), arena, Stream{}),
             on_device(batch.document_start.view(), arena, Stream{}),
             positions.cosine(),
             positions.sine()},
            routing,
            on_device(batch.tokens.view(), arena, Stream{}),
            on_device(batch.targets.view(), arena, Stream{}),
            nullptr,
            config.norm_epsilon,
            &arena,
            &watch};
    }

    ModelConfig config;
    ParameterTable parameters;
    Arena arena;
    PhaseWatch watch;
    PositionTable positions;
    std::vector<Routing> routing;  // of the pass under way
    Network network;
};

namespace {

PassResult result_of(TransformerOutput const& output, Batch const& batch) {
    PassResult result;
    Buffer<float> room;
    auto const loss = on_host(output.loss, room, Stream{}).span();
    auto const target = batch.targets.view().span();
    for (std::int64_t row = 0; row < batch.rows; ++row) {
        double sum = 0.0;
        std::int64_t counted = 0;
        for (auto n = row * batch.row_length; n < (row + 1) * batch.row_length; ++n) {
            auto const i = static_cast<std::size_t>(n);
            sum += static_cast<double>(loss[i]);
            counted += target[i] != kNoTarget ? 1 : 0;
        }
        result.row_loss.push_back(sum);
        result.row_targets.push_back(counted);
    }
    result.balance_loss = output.balance.value;
    for (auto const& layer : output.stats) {
        result.expert_tokens.push_back(layer.expert_tokens);
        result.classifiers.push_back(layer.classifier);
        result.losses.classification += layer.losses.classification;
        result.losses.priors += layer.losses.priors;
        result.losses.classifier += layer.losses.classifier;
    }
    return result;
}

}  // namespace

LanguageModel::LanguageModel(
    ModelConfig const& config,
    Placement const& placement,
    MpiComm const& world,
    Settings const& settings
)
    : parts_(std::make_unique<Parts>(config, placement, world, settings)) {}

LanguageModel::~LanguageModel() = default;
LanguageModel::LanguageModel(LanguageModel&&) noexcept = default;
LanguageModel& LanguageModel::operator=(LanguageModel&&) noexcept = default;

ModelConfig const& LanguageModel::config() const {
    return parts_->config;
}

ParameterTable& LanguageModel::parameters() {
    return parts_->parameters;
}

ParameterTable const& LanguageModel::parameters() const {
    return parts_->parameters;
}

PassResult LanguageModel::train(Batch const& batch, PassOptions const& options) {
    require(
        options.counted_targets > 0.0, "{} counted targets in the global batch; the loss is a mean",
        options.counted_targets
    );
    auto const pass = parts_->start(batch, options);
    LossWeights const weights{
        static_cast<float>(1.0 / options.counted_targets), options.losses.balance,
        options.losses.balance_scale};
    return std::visit(
        [&](auto& network) { return result_of(network.train(weights, pass), batch); },
        parts_->network
    );
}

PassResult LanguageModel::evaluate(
    Batch const& batch, PassRouting const& routing, HiddenSums* sums
) {
    auto pass = parts_->start(batch, {.routing = routing});
    if (sums != nullptr) {
        auto const& config = parts_->config;
        auto const size = static_cast<std::size_t>(config.num_layers() * config.width);
        require(
            sums->unit_sum.empty() || sums->unit_sum.size() == size,
            "hidden sums of {} numbers for {} layers of width {}", sums->unit_sum.size(),
            config.num_layers(), config.width
        );
        sums->unit_sum.resize(size, 0.0);
        sums->tokens += std::ranges::count_if(batch.targets.view().span(), [](auto target) {
            return target != kNoTarget;
        });
        pass.hidden_sums = sums;
    }
    return std::visit(
        [&](auto& network) { return result_of(network.evaluate(pass), batch); }, parts_->network
    );
}

PhaseSeconds LanguageModel::phase_seconds() const {
    PhaseSeconds named;
    auto const seconds = parts_->watch.seconds();
    for (std::size_t i = 0; i < seconds.size(); ++i) {
        named.emplace_back(name_of(static_cast<Phase>(i)), seconds[i]);
    }
    return named;
}

std::int64_t LanguageModel::activation_bytes() const {
    return parts_->arena.peak_bytes();
}

std::int64_t LanguageModel::activation_blocks() const {
    return parts_->arena.num_allocations();
}

}  // namespace isogloss
