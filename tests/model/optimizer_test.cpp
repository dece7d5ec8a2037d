// model/optimizer_test.cpp - the optimizer's pieces cover each trainable parameter once.
#include "model/optimizer.h"

#include <gtest/gtest.h>

#include <cmath>

#include "comm/collective.h"
#include "support/all_ranks.h"
#include "support/small_model.h"

namespace isogloss {
namespace {

TEST(OptimizerTest, PiecesCoverEveryTrainableElementOnceAndNoFrozenOne) {
    auto const group = test::all_ranks();
    auto config = test::small_config({1, 2, 5}, DType::bf16);
    config.layers[2].experts[1].trainable = false;
    ParameterTable table(config, test::uneven_placement(config, group.size()), group, Device::cpu);
    Optimizer const optimizer(table);
    std::vector<std::vector<std::int64_t>> covered;
    for (auto const& spec : table.specs()) {
        covered.emplace_back(static_cast<std::size_t>(spec.size()), 0);
    }
    for (std::size_t s = 0; s < optimizer.shards().size(); ++s) {
        for (auto const& piece : optimizer.pieces(s)) {
            ASSERT_EQ(piece.in_parameter.size(), piece.in_shard.size());
            ASSERT_LE(piece.in_shard.end, optimizer.shards()[s].owned().size());
            for (auto k = piece.in_parameter.begin; k < piece.in_parameter.end; ++k) {
                ++covered[piece.parameter][static_cast<std::size_t>(k)];
            }
        }
    }
    for (std::size_t i = 0; i < covered.size(); ++i) {
        sum_over(std::span<std::int64_t>(covered[i]), group);
        for (auto const count : covered[i]) {
            ASSERT_EQ(count, table.specs()[i].trainable ? 1 : 0) << table.specs()[i].name;
        }
    }
}

TEST(OptimizerTest, PiecesPointAtTheMastersOfTheirElements) {
    auto const group = test::all_ranks();
    auto const config = test::small_config({1, 5}, DType::bf16);
    ParameterTable table(config, test::uneven_placement(config, group.size()), group, Device::cpu);
    auto const parameters = test::random_parameters(config, 2);
    test::set_parameters(table, parameters);
    Optimizer const optimizer(table);
    std::int64_t compared = 0;
    for (std::size_t s = 0; s < optimizer.shards().size(); ++s) {
        for (auto const& piece : optimizer.pieces(s)) {
            auto const& values = parameters.at(table.specs()[piece.parameter].name);
            for (std::int64_t k = 0; k < piece.in_shard.size(); ++k) {
                auto const master = optimizer.shards()[s].master().data[piece.in_shard.begin + k];
                auto const at = static_cast<std::size_t>(piece.in_parameter.begin + k);
                ASSERT_EQ(master, static_cast<float>(values[at]));
                ++compared;
            }
        }
    }
    EXPECT_GT(compared, 100);
}

TEST(OptimizerTest, TheNormIsThatOfTheSummedGradients) {
    auto const group = test::all_ranks();
    auto const config = test::small_config({1, 2}, DType::f32);
    ParameterTable table(config, test::uneven_placement(config, group.size()), group, Device::cpu);
    Optimizer optimizer(table);
    double by_hand = 0.0;
    for (std::size_t i = 0; i < table.specs().size(); ++i) {
        auto const holders = static_cast<double>(table.holders(i).size());
        by_hand += static_cast<double>(table.specs()[i].size()) * holders * holders;
        if (table.is_held(i)) {
            std::ranges::fill(table.gradient(i).span(), 1.0F);  // each holder's share
        }
    }
    EXPECT_DOUBLE_EQ(optimizer.reduce_gradients(group), std::sqrt(by_hand));
}

std::vector<float> held_values(ParameterTable const& table) {
    std::vector<float> all;
    for (std::size_t i = 0; i < table.specs().size(); ++i) {
        if (table.is_held(i)) {
            auto const values = table.values<float>(i).span();
            all.insert(all.end(), values.begin(), values.end());
        }
    }
    return all;
}

// Two steps of two micro-batches, the optimizer at work when `work` says: the last norm and the new
// values.
std::pair<double, std::vector<float>> two_steps(ModelConfig const& config, OptimizerWork work) {
    auto const group = test::all_ranks();
    LanguageModel model(
        config, test::uneven_placement(config, group.size()), group, {.device = Device::cpu}
    );
    auto& table = model.parameters();
    test::set_parameters(table, test::random_parameters(config, 3));
    Optimizer optimizer(table, work);
    auto const batch = test::part_of(test::small_batch(config), group.rank(), group.size());
    double norm = 0.0;
    for (std::int64_t step = 1; step <= 2; ++step) {
        table.restart_gradients();
        model.train(batch, {.counted_targets = 30.0, .losses = {.balance = 0.1}});
        model.train(
            batch, {.counted_targets = 30.0, .losses = {.balance = 0.1}, .optimizer = &optimizer}
        );
        norm = optimizer.reduce_gradients(group);
        optimizer.update({.learning_rate = 0.01F, .step = step});
    }
    return {norm, held_values(table)};
}

TEST(OptimizerTest, ReductionDuringTheBackwardPassGivesTheSumsOfOneAfterIt) {
    for (bool const is_tied : {false, true}) {
        for (bool const has_frozen : {false, true}) {
            auto config = test::small_config({1, 2, 5}, DType::f32);
            config.tied_embeddings = is_tied;
            if (has_frozen) {
                config.backbone_trainable = false;
                config.layers[2].experts[1].trainable = false;
            }
            EXPECT_EQ(
                two_steps(config, OptimizerWork::beside_passes),
                two_steps(config, OptimizerWork::between_passes)
            ) << (is_tied ? "tied, " : "not tied, ")
              << (has_frozen ? "some frozen" : "all train");
        }
    }
}

TEST(OptimizerTest, MatricesDecayAndGainsDoNot) {
    auto const group = test::all_ranks();
    auto const config = test::small_config({1, 2}, DType::f32);
    ParameterTable table(config, test::uneven_placement(config, group.size()), group, Device::cpu);
    auto const parameters = test::random_parameters(config, 4);
    test::set_parameters(table, parameters);
    Optimizer optimizer(table);
    optimizer.reduce_gradients(group);
    // No gradient: what moves is the decay alone, w -= 1 * 0.5 * w, exact in float.
    optimizer.update({.learning_rate = 1.0F, .weight_decay = 0.5F, .step = 1});
    for (std::size_t i = 0; i < table.specs().size(); ++i) {
        if (!table.is_held(i)) {
            continue;
        }
        auto const& spec = table.specs()[i];
        float const factor = spec.shape.size() == 2 ? 0.5F : 1.0F;
        for (std::size_t k = 0; k < parameters.at(spec.name).size(); ++k) {
            auto const start = static_cast<float>(parameters.at(spec.name)[k]);
            ASSERT_EQ(table.values<float>(i).data[k], factor * start) << spec.name;
        }
    }
}

}  // namespace
}  // namespace isogloss
