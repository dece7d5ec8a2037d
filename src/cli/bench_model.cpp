// cli/bench_model.cpp
#include "cli/bench_model.h"

#include <fmt/format.h>

#include <algorithm>
#include <tuple>

#include "base/math.h"
#include "base/random.h"
#include "model/head.h"

namespace isogloss {
namespace {

std::vector<std::string> problems(BenchModel const& model) {
    auto found = isogloss::problems(config_of(model));
    if (model.rows < 1 || model.row_length < 1) {
        found.push_back(fmt::format(
            "rows = {}, row-length = {}: must be at least 1", model.rows, model.row_length
        ));
    }
    if (model.frozen_experts < 0 || model.frozen_experts > model.experts ||
        (model.frozen_experts > 0 && !model.freeze_backbone)) {
        found.push_back(fmt::format(
            "frozen-experts = {}: must be from 0 to experts = {}, and 0 without freeze-backbone",
            model.frozen_experts, model.experts
        ));
    }
    if (model.heads >= 1 && model.width % model.heads != 0) {
        found.push_back(
            fmt::format("width = {}: must be a multiple of heads = {}", model.width, model.heads)
        );
    }
    return found;
}

}  // namespace

std::int64_t BenchModel::choices() const {
    return std::min<std::int64_t>(top_k, experts);
}

double BenchModel::expert_size() const {
    return 3.0 * static_cast<double>(width) * static_cast<double>(ffn);
}

double BenchModel::trainable_experts() const {
    return static_cast<double>(experts - frozen_experts);
}

void describe(Options& options, BenchModel& model) {
    options.add_choice(
        "dtype", model.dtype, {{"f32", DType::f32}, {"bf16", DType::bf16}},
        "type of weights and activations"
    );
    options.add("width", model.width, "width of the residual stream");
    options.add("layers", model.layers, "transformer blocks");
    options.add("heads", model.heads, "attention heads; they divide the width");
    options.add("ffn", model.ffn, "hidden width of a feed-forward, of each expert");
    options.add("vocab", model.vocab, "tokens of the vocabulary");
    options.add("rows", model.rows, "rows of a step, over all ranks");
    options.add("row-length", model.row_length, "tokens of a row");
    options.add("experts", model.experts, "experts of every layer; 1 is a dense model");
    options.add("top-k", model.top_k, "experts that a token visits");
    options.add("tied", model.tied, "one matrix for embedding and head");
    options.add(
        "freeze-backbone", model.freeze_backbone, "freeze all but the experts and their routers"
    );
    options.add(
        "frozen-experts", model.frozen_experts,
        "experts of every layer, the first ones, that are frozen too"
    );
    options.add_check([&model] { return problems(model); });
}

ModelConfig config_of(BenchModel const& model) {
    ModelConfig config;
    config.vocab_size = model.vocab;
    config.width = model.width;
    config.num_heads = model.heads;
    config.num_kv_heads = model.heads;
    config.head_width = model.heads > 0 ? model.width / model.heads : 0;
    config.ffn_hidden = model.ffn;
    config.top_k = model.top_k;
    config.max_positions = model.row_length;
    config.tied_embeddings = model.tied;
    config.dtype = model.dtype;
    LayerConfig layer;
    layer.experts.resize(static_cast<std::size_t>(std::max<std::int64_t>(model.experts, 0)));
    for (std::size_t e = 0; e < layer.experts.size(); ++e) {
        layer.experts[e].trainable = static_cast<std::int64_t>(e) >= model.frozen_experts;
    }
    config.backbone_trainable = !model.freeze_backbone;
    config.layers.assign(static_cast<std::size_t>(std::max<std::int64_t>(model.layers, 0)), layer);
    return config;
}

Batch synthetic_batch(BenchModel const& model, int rank, int ranks) {
    auto const rows = even_part(model.rows, ranks, rank);
    auto batch = make_batch(rows.size(), model.row_length);
    auto const vocab = static_cast<std::uint64_t>(model.vocab);
    std::vector<std::int32_t> stream(static_cast<std::size_t>(model.row_length) + 1);
    for (auto row = rows.begin; row < rows.end; ++row) {
        for (std::size_t t = 0; t < stream.size(); ++t) {
            auto const at = static_cast<std::uint64_t>(row * model.row_length) + t;
            stream[t] = static_cast<std::int32_t>(random_bits(1, 1, at) % vocab);
        }
        constexpr std::int32_t kNoSeparator = -1;
        fill_row(batch, row - rows.begin, stream, kNoSeparator, 0);
    }
    return batch;
}

double flops_per_token(BenchModel const& model) {
    auto const width = static_cast<double>(model.width);
    auto const layers = static_cast<double>(model.layers);
    double const chosen = static_cast<double>(model.choices()) * model.expert_size();
    double const router = model.experts > 1 ? width * static_cast<double>(model.experts) : 0.0;
    double const backbone = layers * (4.0 * width * width + 2.0 * width) + width +
                            width * static_cast<double>(model.vocab);
    double const used = backbone + layers * (router + chosen);
    double const trained =
        (model.freeze_backbone ? 0.0 : backbone) +
        layers * (router + chosen * model.trainable_experts() / static_cast<double>(model.experts));
    return 4.0 * used + 2.0 * trained +
           12.0 * layers * width * static_cast<double>(model.row_length);
}

std::vector<StepProduct> step_products(
    BenchModel const& model, Device device, std::int64_t tokens
) {
    auto const layers = static_cast<double>(model.layers);
    auto const expert_tokens = std::max<std::int64_t>(tokens * model.choices() / model.experts, 1);
    auto const experts = static_cast<double>(model.experts);
    auto const chunk = std::min(tokens, head_chunk(device));
    auto const chunks = static_cast<double>(tokens) / static_cast<double>(chunk);
    double const trained = model.freeze_backbone ? 0.0 : 1.0;
    std::vector<StepProduct> products;
    auto const add = [&](StepProduct product, double to_weight) {
        for (auto const form : {ProductForm::forward, ProductForm::to_input}) {
            product.form = form;
            products.push_back(product);
        }
        if (to_weight > 0.0) {
            product.form = ProductForm::to_weight;
            product.count = to_weight;
            products.push_back(product);
        }
    };
    auto const [forward, width, ffn] = std::tuple(ProductForm::forward, model.width, model.ffn);
    double const new_experts = layers * model.trainable_experts();
    add({"qkv", forward, tokens, width, 3 * width, layers}, layers * trained);
    add({"output", forward, tokens, width, width, layers}, layers * trained);
    add({"gate_up", forward, expert_tokens, width, 2 * ffn, layers * experts}, new_experts);
    add({"down", forward, expert_tokens, ffn, width, layers * experts}, new_experts);
    add({"head", forward, chunk, width, model.vocab, chunks}, chunks * trained);
    return products;
}

double product_flops(BenchModel const& model, std::int64_t tokens) {
    double flops = 0.0;
    for (auto const& product : step_products(model, Device::cpu, tokens)) {
        flops += product.count * product.flops();
    }
    return flops;
}

double attention_flops(BenchModel const& model, std::int64_t tokens) {
    return 7.0 * static_cast<double>(tokens) * static_cast<double>(model.layers) *
           static_cast<double>(model.row_length) * static_cast<double>(model.width);
}

double step_bytes(BenchModel const& model, std::int64_t tokens) {
    auto const width = static_cast<double>(model.width);
    auto const layers = static_cast<double>(model.layers);
    auto const choices = static_cast<double>(model.choices());
    auto const vocab = static_cast<double>(model.vocab);
    auto const element = static_cast<double>(bytes_of(model.dtype));
    double const moved = model.experts > 1 ? 10.0 * width * choices : 0.0;
    double const layer = 24.0 * width + 8.0 * static_cast<double>(model.ffn) * choices + moved;
    double const backbone = layers * 4.0 * width * width + (model.tied ? 1.0 : 2.0) * vocab * width;
    double const parameters = (model.freeze_backbone ? 0.0 : backbone) +
                              layers * model.trainable_experts() * model.expert_size();
    double const state = model.dtype == DType::bf16 ? 34.0 : 32.0;
    return static_cast<double>(tokens) * element * (layers * layer + 3.0 * vocab) +
           state * parameters;
}

}  // namespace isogloss
