// cli/model_options.cpp
#include "cli/model_options.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/math.h"

namespace isogloss {
namespace {

void describe_family(Options& options, Family& family) {
    options.add_choice(
        "model.norm", family.norm,
        {{"rms", NormKind::rms}, {"rms-offset", NormKind::rms_offset}, {"layer", NormKind::layer}},
        "kind of the norms; rms-offset multiplies by 1 + weight"
    );
    options.add_choice(
        "model.position", family.position,
        {{"rotary", PositionKind::rotary}, {"alibi", PositionKind::alibi}},
        "how attention knows positions"
    );
    options.add_choice(
        "model.feed-forward", family.feed_forward,
        {{"swiglu", FeedForwardKind::swiglu},
         {"geglu", FeedForwardKind::geglu},
         {"gelu", FeedForwardKind::gelu}},
        "kind of every expert"
    );
    options.add("model.embedding-norm", family.embedding_norm, "a norm right after the embedding");
    options.add(
        "model.linear-bias", family.linear_bias,
        "attention's output and the experts' matrices have a bias"
    );
    options.add("model.qk-norm", family.qk_norm, "an RMS norm of each head's query and key");
    options.add(
        "model.embedding-scale", family.embedding_scale, "embeddings times the root of the width"
    );
}

void describe_rope_scaling(Options& options, RopeScaling& scaling) {
    options.add_choice(
        "model.rope-scaling", scaling.kind,
        {{"none", RopeScalingKind::none},
         {"linear", RopeScalingKind::linear},
         {"llama3", RopeScalingKind::llama3}},
        "of rotary positions, for rows longer than those of the training before"
    );
    options.add("model.rope-factor", scaling.factor, "by which rotary positions turn slower");
    options.add(
        "model.rope-low-frequency", scaling.low_frequency,
        "llama3: pairs that turn fewer times within the original positions slow down by the factor"
    );
    options.add(
        "model.rope-high-frequency", scaling.high_frequency,
        "llama3: pairs that turn more often are kept"
    );
    options.add(
        "model.rope-original-positions", scaling.original_positions,
        "llama3: longest row of the training before, in tokens"
    );
}

}  // namespace

void ModelOptions::describe(Options& options) {
    options.add("model.vocab-size", vocab_size, "tokens; 0: as many as the tokenizer has");
    options.add("model.layers", layers, "transformer blocks");
    options.add("model.width", width, "of the residual stream");
    options.add("model.heads", heads, "query heads");
    options.add("model.kv-heads", kv_heads, "key and value heads; 0: as many as query heads");
    options.add("model.head-width", head_width, "of one head, even; 0: width / heads");
    options.add(
        "model.ffn-hidden", ffn_hidden,
        "hidden width of one expert; 0: 8/3 of the width, rounded up to 32 (gelu: 4 times)"
    );
    options.add(
        "model.experts", experts, "experts a layer: one number for all, or one a layer (1,2,...)"
    );
    options.add("model.top-k", top_k, "experts that a token visits");
    options.add_choice(
        "model.gates", gates,
        {{"renormalised", GateScale::renormalised}, {"probabilities", GateScale::probabilities}},
        "weights of the experts that a token visits: their probabilities made to add up to 1, or "
        "as they are"
    );
    options.add(
        "model.shared-expert-hidden", shared_expert_hidden,
        "hidden width of an expert that every token visits too, in each layer with a router; 0: "
        "none"
    );
    options.add("model.max-positions", max_positions, "longest row, in tokens");
    options.add("model.rope-theta", rope_theta, "base of the rotary positions");
    describe_rope_scaling(options, rope_scaling);
    options.add("model.norm-epsilon", norm_epsilon, "added to the mean square in norms");
    options.add("model.qkv-bias", qkv_bias, "queries, keys and values have a bias");
    options.add("model.tied-embeddings", tied_embeddings, "the head is the embedding");
    describe_family(options, family);
    options.add_choice(
        "model.dtype", dtype, {{"f32", DType::f32}, {"bf16", DType::bf16}},
        "element type of weights and activations"
    );
    options.add("model.seed", seed, "of the initial weights");
    options.add_check([this] { return problems(); });
}

ModelConfig ModelOptions::config(std::int64_t tokens) const {
    ModelConfig config;
    config.vocab_size = vocab_size > 0 ? vocab_size : tokens;
    config.width = width;
    config.num_heads = heads;
    config.num_kv_heads = kv_heads != 0 ? kv_heads : heads;
    config.head_width = head_width != 0 ? head_width : width / std::max<std::int64_t>(heads, 1);
    auto const usual_hidden = family.feed_forward == FeedForwardKind::gelu
                                  ? width * 4
                                  : round_up(ceil_div(width * 8, 3), 32);
    config.ffn_hidden = ffn_hidden != 0 ? ffn_hidden : usual_hidden;
    config.top_k = top_k;
    config.gates = gates;
    config.max_positions = max_positions;
    config.rope_theta = rope_theta;
    config.rope_scaling = rope_scaling;
    config.norm_epsilon = norm_epsilon;
    config.qkv_bias = qkv_bias;
    config.tied_embeddings = tied_embeddings;
    config.family = family;
    config.dtype = dtype;
    config.layers.resize(static_cast<std::size_t>(std::max(layers, 0)));
    for (std::size_t i = 0; i < config.layers.size(); ++i) {
        auto const count = experts.size() == 1 ? experts[0] : i < experts.size() ? experts[i] : 0;
        auto& layer = config.layers[i];
        layer.experts.resize(static_cast<std::size_t>(std::max(count, 0)));
        layer.shared_hidden = layer.has_router() ? shared_expert_hidden : 0;
    }
    return config;
}

std::vector<std::string> ModelOptions::problems() const {
    std::vector<std::string> faults;
    if (experts.size() != 1 && experts.size() != static_cast<std::size_t>(std::max(layers, 0))) {
        faults.push_back(fmt::format(
            "model.experts has {} numbers: must have 1, or one for each of model.layers = {}",
            experts.size(), layers
        ));
        return faults;
    }
    if (shared_expert_hidden != 0 &&
        std::ranges::all_of(experts, [](auto count) { return count < 2; })) {
        faults.push_back(fmt::format(
            "model.shared-expert-hidden = {}: no layer has a router beside which it could stand; "
            "say more than one with model.experts, or 0",
            shared_expert_hidden
        ));
    }
    for (auto fault : isogloss::problems(config(std::max<std::int64_t>(vocab_size, 1)))) {
        auto const name_end = std::min(fault.find(' '), fault.size());
        std::replace(
            fault.begin(), fault.begin() + static_cast<std::ptrdiff_t>(name_end), '_', '-'
        );
        faults.push_back(fault);
    }
    return faults;
}

}  // namespace isogloss
