// model/language_model.cpp
#include "model/language_model.h"

#include <algorithm>
#include <utility>
#include <variant>

#include "base/require.h"
#include "device/copy.h"
#include "kernels/alibi.h"
#include "kernels/rotary.h"
#include "model/layer_routing.h"
#include "model/model_size.h"
#include "model/optimizer.h"
#include "model/transformer.h"

namespace isogloss {
namespace {

// What positions mean to attention: cosines and sines for as many as the longest row so far has, or
// what scores lose with the distance.
class PositionTable {
public:
    PositionTable(ModelConfig const& config, Device device)
        : is_rotary_(config.family.position == PositionKind::rotary),
          frequencies_(
              rotary_frequencies(config.rope_theta, config.head_width / 2, config.rope_scaling)
          ),
          half_(config.head_width / 2),
          device_(device) {
        if (!is_rotary_) {
            slope_ = Buffer<float>(device, config.num_heads);
            fill_from_host(slope_.view(), Stream{}, [&](auto host) {
                std::ranges::copy(alibi_slopes(config.num_heads), host.data);
            });
        }
    }

    void cover(std::int64_t positions) {
        if (positions <= covered_ || !is_rotary_) {
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
    /// [H]; null data with rotary positions.
    [[nodiscard]] View<float const, 1> slope() const { return slope_.view(); }

private:
    bool is_rotary_;
    std::vector<double> frequencies_;
    std::int64_t half_;
    Device device_;
    std::int64_t covered_ = 0;
    Buffer<float> cosine_;
    Buffer<float> sine_;
    Buffer<float> slope_;
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
        : config(served_on(settings.device, a_config)),
          parameters(config, placement, world, settings.device),
          arena(settings.device),
          watch(settings.device),
          positions(config, settings.device),
          flops_per_token(2.0 * static_cast<double>(model_size(config).all.active)),
          network(make_network(
              config,
              parameters,
              placement,
              world,
              settings.recompute ? Activations::recompute : Activations::keep
          )) {}

    static Network make_network(
        ModelConfig const& config,
        ParameterTable& parameters,
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
              config.head_width, positions.slope()},
             on_device(batch.position.view(), arena, Stream{}),
             on_device(batch.document_start.view(), arena, Stream{}),
             positions.cosine(),
             positions.sine()},
            routing,
            on_device(batch.tokens.view(), arena, Stream{}),
            on_device(batch.targets.view(), arena, Stream{}),
            nullptr,
            options.optimizer,
            &arena,
            &watch};
    }

    // The same for a pass that goes on with the sequences of `memory`.
    Pass go_on(Batch const& batch, PassRouting const& a_routing, TokenMemory& memory) {
        require(
            batch.rows == memory.sequences(), "{} rows for {} sequences", batch.rows,
            memory.sequences()
        );
        auto pass = start(batch, {.routing = a_routing});
        positions.cover(memory.capacity());
        pass.tokens.cosine = positions.cosine();
        pass.tokens.sine = positions.sine();
        pass.tokens.memory = &memory;
        std::vector<std::int32_t> sequence;
        for (std::int64_t n = 0; n < batch.size(); ++n) {
            sequence.push_back(static_cast<std::int32_t>(n / batch.row_length));
        }
        pass.tokens.sequence = copy_to<std::int32_t>(arena, sequence, Stream{});
        for (std::int32_t i = 0; i < config.num_layers(); ++i) {
            auto& its = routing[static_cast<std::size_t>(i)];
            its.class_sums_use = memory.is_empty() ? ClassSums::keep : ClassSums::given;
            its.class_sums = memory.class_sums(i);
        }
        return pass;
    }

    ModelConfig config;
    ParameterTable parameters;
    Arena arena;
    PhaseWatch watch;
    PositionTable positions;
    double flops_per_token;        // of a forward pass, about
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
    if (options.optimizer != nullptr) {
        options.optimizer->begin_pass(parts_->flops_per_token * static_cast<double>(batch.size()));
    }
    LossWeights const weights{
        static_cast<float>(1.0 / options.counted_targets), options.losses.balance,
        options.losses.balance_scale};
    return std::visit(
        [&](auto& network) {
            auto const output = network.train(weights, pass);
            parts_->parameters.settle_gradients();
            return result_of(output, batch);
        },
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

std::vector<float> LanguageModel::continue_rows(
    Batch const& batch,
    PassRouting const& routing,
    std::span<std::int32_t const> wanted,
    TokenMemory& memory
) {
    auto const pass = parts_->go_on(batch, routing, memory);
    auto const indices = copy_to(parts_->arena, wanted, Stream{});
    auto const scores =
        std::visit([&](auto& network) { return network.logits(indices, pass); }, parts_->network);
    memory.set_begun();
    Buffer<float> room;
    auto const host = on_host(scores.flat(), room, Stream{}).span();
    return {host.begin(), host.end()};
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
