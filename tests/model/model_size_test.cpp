// model/model_size_test.cpp - counts of published models by hand, and what a GPU does not serve.
#include "model/model_size.h"

#include <gtest/gtest.h>

#include "model/parameters.h"
#include "support/expect_error.h"
#include "support/small_model.h"

namespace isogloss {
namespace {

constexpr std::int64_t kBloomVocabulary = 250880;

ModelConfig bloom(std::int64_t width) {
    ModelConfig config;
    config.vocab_size = kBloomVocabulary;
    config.width = width;
    config.num_heads = 16;
    config.num_kv_heads = 16;
    config.head_width = width / 16;
    config.ffn_hidden = 4 * width;
    config.qkv_bias = true;
    config.tied_embeddings = true;
    config.family.norm = NormKind::layer;
    config.family.position = PositionKind::alibi;
    config.family.feed_forward = FeedForwardKind::gelu;
    config.family.embedding_norm = true;
    config.family.linear_bias = true;
    config.layers.resize(24);
    return config;
}

// Experts in the first five and the last four layers.
ModelConfig with_nine_routed_layers(ModelConfig config, std::size_t experts) {
    for (std::size_t const layer : {0U, 1U, 2U, 3U, 4U, 20U, 21U, 22U, 23U}) {
        config.layers[layer].experts.resize(experts);
    }
    return config;
}

TEST(ModelSizeTest, DenseBloomHasItsPublishedCount) {
    EXPECT_EQ(parameter_count(bloom(1024)), 559214592);
    EXPECT_EQ(parameter_count(bloom(2048)), 1722408960);
}

TEST(ModelSizeTest, BloomsFeedForwardIsEightSquaresAndFiveWidths) {
    for (std::int64_t const h : {1024, 2048}) {
        auto const size = model_size(bloom(h));
        EXPECT_EQ(size.experts.total, 24 * (8 * h * h + 5 * h));
        EXPECT_EQ(size.routers.total, 0);
        // Embedding and its norm, attention and two norms a layer, the last norm; the head is tied.
        EXPECT_EQ(
            size.backbone.total,
            kBloomVocabulary * h + 2 * h + 24 * (4 * h * h + 4 * h + 4 * h) + 2 * h
        );
    }
}

TEST(ModelSizeTest, ExpertsAndRoutersAreAddedInTheLayersThatHaveThem) {
    struct Case {
        std::int64_t width;
        std::int64_t base;
        std::size_t experts;
        double published;  ///< in millions, rounded or cut
    };
    for (auto const& its :
         {Case{1024, 559214592, 3, 710.0}, Case{1024, 559214592, 6, 937.0},
          Case{1024, 559214592, 9, 1164.0}, Case{1024, 559214592, 16, 1692.0},
          Case{2048, 1722408960, 3, 2327.0}, Case{2048, 1722408960, 6, 3233.0},
          Case{2048, 1722408960, 9, 4139.0}, Case{2048, 1722408960, 16, 6254.0}}) {
        auto const h = its.width;
        auto const count = static_cast<std::int64_t>(its.experts);
        auto const config = with_nine_routed_layers(bloom(h), its.experts);
        auto const expected = its.base + (count - 1) * 9 * (8 * h * h + 5 * h) + 9 * count * h;
        EXPECT_EQ(parameter_count(config), expected) << its.experts;
        EXPECT_NEAR(static_cast<double>(expected) / 1e6, its.published, 1.0);
    }
    auto everywhere = bloom(1024);
    for (auto& layer : everywhere.layers) {
        layer.experts.resize(6);
    }
    EXPECT_NEAR(static_cast<double>(parameter_count(everywhere)) / 1e9, 1.57, 0.005);
}

TEST(ModelSizeTest, GemmaAndQwen3HaveTheirPublishedCounts) {
    ModelConfig gemma;  // 2B
    gemma.vocab_size = 256000;
    gemma.width = 2048;
    gemma.num_heads = 8;
    gemma.num_kv_heads = 1;
    gemma.head_width = 256;
    gemma.ffn_hidden = 16384;
    gemma.tied_embeddings = true;
    gemma.family.norm = NormKind::rms_offset;
    gemma.family.feed_forward = FeedForwardKind::geglu;
    gemma.family.embedding_scale = true;
    gemma.layers.resize(18);
    EXPECT_EQ(parameter_count(gemma), 2506172416);

    ModelConfig qwen;  // 3, 0.6B
    qwen.vocab_size = 151936;
    qwen.width = 1024;
    qwen.num_heads = 16;
    qwen.num_kv_heads = 8;
    qwen.head_width = 128;
    qwen.ffn_hidden = 3072;
    qwen.tied_embeddings = true;
    qwen.family.qk_norm = true;
    qwen.layers.resize(28);
    EXPECT_EQ(parameter_count(qwen), 596049920);
}

// Qwen1.5-MoE-A2.7B: 14.3 billion parameters, of which a token uses 2.7.
TEST(ModelSizeTest, Qwen2MoeHasItsPublishedCount) {
    ModelConfig qwen;
    qwen.vocab_size = 151936;
    qwen.width = 2048;
    qwen.num_heads = 16;
    qwen.num_kv_heads = 16;
    qwen.head_width = 128;
    qwen.ffn_hidden = 1408;
    qwen.top_k = 4;
    qwen.qkv_bias = true;
    qwen.layers.resize(24);
    for (auto& layer : qwen.layers) {
        layer.experts.resize(60);
        layer.shared_hidden = 5632;
    }
    auto const size = model_size(qwen);
    EXPECT_EQ(size.all.total, 14315784192);
    EXPECT_NEAR(static_cast<double>(size.all.active) / 1e9, 2.7, 0.05);
    // The shared experts' three matrices and gates beside embedding, head, attention and norms.
    EXPECT_EQ(
        size.backbone.total, 2 * 151936 * 2048L + 24 * (4 * 2048 * 2048 + 3 * 2048 + 2 * 2048) +
                                 2048 + 24 * (3 * 2048 * 5632L + 2048)
    );
}

TEST(ModelSizeTest, ATokenPassesThroughItsChoicesOnly) {
    std::int64_t const h = 1024;
    auto const dense = model_size(bloom(h));
    auto const grown = model_size(with_nine_routed_layers(bloom(h), 6));
    EXPECT_EQ(dense.all.active, dense.all.total);
    // Top-2: one expert more than the dense model, in nine layers, and the whole routers.
    EXPECT_EQ(grown.all.active, dense.all.total + 9 * (8 * h * h + 5 * h) + 9 * 6 * h);
}

TEST(ModelSizeTest, AModelHoldsWhatWasCounted) {
    auto config = test::small_config({3, 1, 2}, DType::bf16);
    config.qkv_bias = true;
    auto const placement = place_experts(
        {.experts_per_layer = config.experts_per_layer(),
         .expected_share = {},
         .group = {},
         .num_ranks = 1,
         .ranks_per_node = 1}
    );
    auto const world = MpiComm::split(MPI_COMM_WORLD, 0, 0);
    ParameterTable const table(config, placement, world, Device::cpu);
    std::int64_t held = 0;
    for (std::size_t i = 0; i < table.specs().size(); ++i) {
        held += table.specs()[i].dtype == DType::f32 ? table.values<float>(i).size()
                                                     : table.values<bf16>(i).size();
    }
    EXPECT_EQ(parameter_count(config), held);
}

TEST(FamilyTest, EverySwitchThatAGpuDoesNotServeIsNamed) {
    auto config = bloom(64);
    EXPECT_EQ(&served_on(Device::cpu, config), &config);
    test::expect_error(Exit::usage, "model.position = alibi", [&] {
        served_on(Device::cuda, config);
    });
    config.family = {};
    EXPECT_EQ(&served_on(Device::cuda, config), &config);
    config.family.qk_norm = true;
    test::expect_error(Exit::usage, "model.qk-norm = true", [&] {
        served_on(Device::cuda, config);
    });
}

}  // namespace
}  // namespace isogloss
