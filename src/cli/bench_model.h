// cli/bench_model.h - the model that benchmarks run: its options, tokens, and products.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/options.h"
#include "corpus/batch.h"
#include "model/config.h"

namespace isogloss {

/// Extents of a benchmark. The defaults are the model of docs/numbers.md.
struct BenchModel {
    DType dtype = DType::f32;
    std::int64_t width = 512;
    std::int64_t layers = 8;
    std::int64_t heads = 8;
    std::int64_t ffn = 1376;
    std::int64_t vocab = 32000;
    std::int64_t rows = 8;
    std::int64_t row_length = 512;
    std::int64_t experts = 1;
    std::int32_t top_k = 2;
    bool tied = false;
    bool freeze_backbone = false;     ///< all but experts and routers
    std::int64_t frozen_experts = 0;  ///< of every layer, the first ones

    [[nodiscard]] std::int64_t choices() const;
    /// Parameters of one expert.
    [[nodiscard]] double expert_size() const;
    [[nodiscard]] double trainable_experts() const;
};

void describe(Options& options, BenchModel& model);
ModelConfig config_of(BenchModel const& model);

/// Rows of `model`, of random tokens; each row is one document. Rank `rank` gets its even part.
Batch synthetic_batch(BenchModel const& model, int rank, int ranks);

/// Floating-point operations that a trained token costs, as it is usually counted:
/// 4 x (parameters that a token uses, without the embedding, with the head) + 2 x (those of them
/// that train, an equal share of its choices for each expert) + 12 x layers x width x row length.
double flops_per_token(BenchModel const& model);

/// The three products of a linear layer [out, in] on `tokens` tokens.
enum class ProductForm : std::uint8_t { forward, to_input, to_weight };

struct StepProduct {
    std::string name;
    ProductForm form = ProductForm::forward;
    std::int64_t tokens = 0;
    std::int64_t in = 0;
    std::int64_t out = 0;
    double count = 0.0;  ///< times a step

    /// Of one call.
    [[nodiscard]] double flops() const {
        return 2.0 * static_cast<double>(tokens) * static_cast<double>(in) *
               static_cast<double>(out);
    }
};

/// All matrix products of a step on `tokens` tokens of one rank, an equal share for each expert.
std::vector<StepProduct> step_products(BenchModel const& model, Device device, std::int64_t tokens);

/// Operations of all products of a step on `tokens` tokens.
double product_flops(BenchModel const& model, std::int64_t tokens);

/// Of attention: causal, so half of 2 products of T x D a token and layer forward and 5 backward,
/// 7 T D.
double attention_flops(BenchModel const& model, std::int64_t tokens);

/// Bytes that a step on `tokens` tokens must move beside its products, if everything that can be
/// fused is. With b bytes an element, of each token and layer
///
///     norms with their residual sums   16 b D     (2 x 4 forward, 2 x 4 backward)
///     rotary of queries and keys        8 b D     (read and write, forward and backward)
///     swiglu                            8 b F K   (3 forward, 5 backward)
///     rows to experts and back         10 b D K   (2 + 1 forward, 6 + 1 backward)
///
/// the loss 3 b V a token, and the state of each trainable parameter 34 bytes with bf16 weights:
/// gradient measured and used, master and moments read and written, weight written (float: 32).
double step_bytes(BenchModel const& model, std::int64_t tokens);

}  // namespace isogloss
