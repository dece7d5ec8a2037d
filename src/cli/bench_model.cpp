// cli/bench_model.cpp
#include "cli/bench_model.h"

#include <fmt/format.h>

#include <algorithm>
#include <concepts>
#include <limits>
#include <tuple>

#include "base/math.h"
#include "base/random.h"
#include "device/copy.h"
#include "device/moment.h"
#include "kernels/elementwise.h"
#include "kernels/matmul.h"
#include "model/head.h"

namespace isogloss {
namespace {

constexpr int kRepeats = 5;  // of what is measured alone, as a limit

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

// A cheap sequence in [-1, 1): products take as long for any numbers that look like noise.
template <class T>
Buffer<T> random_buffer(Device device, std::int64_t size) {
    Buffer<T> buffer(device, size);
    fill_from_host(buffer.view(), Stream{}, [](View<T, 1> host) {
        for (std::int64_t i = 0; i < host.size(); ++i) {
            auto const step = static_cast<std::uint32_t>(i) * 2654435761U;
            host.data[i] = from_float<T>(static_cast<float>(step >> 8U) / (1 << 23) - 1.0F);
        }
    });
    return buffer;
}

// Best seconds of `work` after a first time that does not count.
double best_of(int repeats, Device device, std::invocable auto const& work) {
    work();
    double best = std::numeric_limits<double>::infinity();
    for (int i = 0; i < repeats; ++i) {
        Moment const begin(device, Stream{});
        work();
        Moment const end(device, Stream{});
        best = std::min(best, end.seconds_since(begin));
    }
    return best;
}

template <class T>
double best_seconds(StepProduct const& product, Device device, int repeats) {
    auto const [tokens, in, out] = std::array{product.tokens, product.in, product.out};
    auto const x = random_buffer<T>(device, tokens * in);
    auto const y = random_buffer<T>(device, tokens * out);
    auto const weight = random_buffer<T>(device, out * in);
    auto const gradient = random_buffer<float>(device, out * in);
    auto const run = [&] {
        View<T const, 2> const xs = x.template view<2>({tokens, in});
        View<T const, 2> const ys = y.template view<2>({tokens, out});
        View<T const, 2> const ws = weight.template view<2>({out, in});
        switch (product.form) {
            case ProductForm::forward:
                return matmul_nt<T, T>(
                    xs, ws, y.template view<2>({tokens, out}), Write::replace, Stream{}
                );
            case ProductForm::to_input:
                return matmul_nn<T, T>(
                    ys, ws, x.template view<2>({tokens, in}), Write::replace, Stream{}
                );
            case ProductForm::to_weight:
                return matmul_tn<T, float>(
                    ys, xs, gradient.view<2>({out, in}), Write::replace, Stream{}
                );
        }
    };
    return best_of(repeats, device, run);
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

double product_seconds(StepProduct const& product, DType dtype, Device device, int repeats) {
    return dtype == DType::bf16 ? best_seconds<bf16>(product, device, repeats)
                                : best_seconds<float>(product, device, repeats);
}

double product_peak(BenchModel const& model, Device device, std::int64_t tokens) {
    double flops = 0.0;
    double seconds = 0.0;
    for (auto const& product : step_products(model, device, tokens)) {
        flops += product.count * product.flops();
        seconds += product.count * product_seconds(product, model.dtype, device, kRepeats);
    }
    return flops / seconds;
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

double copy_peak(Device device) {
    constexpr std::int64_t kElements = std::int64_t{1} << 28;  // 1 GiB: far above every cache
    Buffer<float> const from(device, kElements);
    Buffer<float> const to(device, kElements);
    double const seconds = best_of(kRepeats, device, [&] {
        switch (device) {
            case Device::cpu: std::copy_n(from.data(), kElements, to.data()); return;
            case Device::cuda:
                return cuda::copy(to.data(), from.data(), kElements * sizeof(float), Stream{});
        }
    });
    return 2.0 * sizeof(float) * static_cast<double>(kElements) / seconds;
}

}  // namespace isogloss
