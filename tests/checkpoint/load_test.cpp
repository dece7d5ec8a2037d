// checkpoint/load_test.cpp
#include "checkpoint/load.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <functional>
#include <limits>

#include "checkpoint/partial_checkpoint.h"
#include "model/optimizer.h"
#include "support/all_ranks.h"
#include "support/checkpoint_fixture.h"
#include "support/expect_error.h"

namespace isogloss {
namespace {

using test::expect_error;
using test::SharedFolder;

void poison(ParameterTable& table) {
    constexpr auto kNan = std::numeric_limits<float>::quiet_NaN();
    for (std::size_t p = 0; p < table.specs().size(); ++p) {
        for (std::int64_t i = 0; table.is_held(p) && i < table.specs()[p].size(); ++i) {
            if (table.specs()[p].dtype == DType::bf16) {
                table.values<bf16>(p).data[i] = from_float<bf16>(kNan);
            } else {
                table.values<float>(p).data[i] = kNan;
            }
        }
    }
}

void expect_loads(
    StoredCheckpoint const& checkpoint, Placement const& placement, MpiComm const& world
) {
    ParameterTable table(checkpoint.manifest.config, placement, world, Device::cpu);
    poison(table);
    load_weights(checkpoint, table, HashCheck::compare, world);
    EXPECT_EQ(test::count_foreign_values(table), 0);
}

TEST(LoadTest, FillsAnyRanksAndPlacement) {
    auto const world = test::all_ranks();
    SharedFolder const folder;
    for (auto const dtype : {DType::f32, DType::bf16}) {
        auto config = test::small_config();
        config.dtype = dtype;
        config.layers[2].classifier = {2, ClassifierSpan::token};
        auto const path = folder / name_of(dtype);
        test::save_origin(path, config, test::round_robin(config, world.size()), world);
        auto const checkpoint = read_checkpoint(path, world);
        expect_loads(checkpoint, test::round_robin(config, world.size()), world);
        expect_loads(checkpoint, test::lopsided(config, world.size()), world);
        auto const alone = MpiComm::split(MPI_COMM_WORLD, world.rank(), 0);
        expect_loads(checkpoint, test::round_robin(config, 1), alone);
    }
}

void fill_state(std::vector<StatePiece> const& pieces, ParameterTable const& table) {
    for (auto const& piece : pieces) {
        auto const& spec = table.specs()[piece.parameter];
        for (auto i = piece.range.begin; i < piece.range.end; ++i) {
            auto const place = i - piece.range.begin;
            piece.m.data[place] = test::origin_value(spec.name + "/m", i);
            piece.v.data[place] = test::origin_value(spec.name + "/v", i);
            if (spec.dtype != DType::f32) {
                piece.master.data[place] = test::origin_value(spec.name + "/master", i);
            }
        }
    }
}

/// Elements that fill_state does not write; `seen` counts those looked at.
std::int64_t count_foreign_state(
    std::vector<StatePiece> const& pieces, ParameterTable const& table, std::int64_t& seen
) {
    std::int64_t foreign = 0;
    for (auto const& piece : pieces) {
        auto const& spec = table.specs()[piece.parameter];
        for (auto i = piece.range.begin; i < piece.range.end; ++i) {
            auto const place = i - piece.range.begin;
            auto const is_own =
                piece.m.data[place] == test::origin_value(spec.name + "/m", i) &&
                piece.v.data[place] == test::origin_value(spec.name + "/v", i) &&
                (spec.dtype == DType::f32 ||
                 piece.master.data[place] == test::origin_value(spec.name + "/master", i));
            foreign += is_own ? 0 : 1;
            ++seen;
        }
    }
    return foreign;
}

std::int64_t trainable_elements(ModelConfig const& config) {
    std::int64_t elements = 0;
    for (auto const& spec : parameter_specs(config)) {
        elements += spec.trainable ? spec.size() : 0;
    }
    return elements;
}

void expect_state_loads(
    StoredCheckpoint const& checkpoint, Placement const& placement, MpiComm const& world
) {
    auto const& config = checkpoint.manifest.config;
    ParameterTable table(config, placement, world, Device::cpu);
    load_weights(checkpoint, table, HashCheck::compare, world);
    Optimizer optimizer(table);
    auto const pieces = state_pieces(table, optimizer);
    load_optimizer(checkpoint, table, pieces, HashCheck::compare, world);
    std::int64_t seen = 0;
    EXPECT_EQ(count_foreign_state(pieces, table, seen), 0);
    EXPECT_EQ(sum_over(seen, world), trainable_elements(config));
}

TEST(LoadTest, OptimizerStateMovesToAnyRanksAndPlacement) {
    auto const world = test::all_ranks();
    SharedFolder const folder;
    for (auto const dtype : {DType::f32, DType::bf16}) {
        auto config = test::small_config();
        config.dtype = dtype;
        config.layers[1].experts[0].trainable = false;
        config.layers[2].classifier = {2, ClassifierSpan::sequence};
        ParameterTable table(config, test::lopsided(config, world.size()), world, Device::cpu);
        test::fill_with_origin(table);
        Optimizer optimizer(table);
        auto const pieces = state_pieces(table, optimizer);
        fill_state(pieces, table);
        auto info = test::small_info(9);
        info.optimizer_step = 9;
        auto const path = folder / name_of(dtype);
        save_checkpoint(path, {config, table, pieces, nullptr}, info, world);

        auto const checkpoint = read_checkpoint(path, world);
        expect_state_loads(checkpoint, test::lopsided(config, world.size()), world);
        expect_state_loads(checkpoint, test::round_robin(config, world.size()), world);
        auto const alone = MpiComm::split(MPI_COMM_WORLD, world.rank(), 0);
        expect_state_loads(checkpoint, test::round_robin(config, 1), alone);
    }
}

// Loads `from`, weights and optimizer, and saves it again as `to`.
void load_and_save(
    std::filesystem::path const& from,
    std::filesystem::path const& to,
    Placement const& placement,
    MpiComm const& group
) {
    auto const checkpoint = read_checkpoint(from, group);
    auto const& config = checkpoint.manifest.config;
    ParameterTable table(config, placement, group, Device::cpu);
    load_weights(checkpoint, table, HashCheck::compare, group);
    Optimizer optimizer(table);
    auto const pieces = state_pieces(table, optimizer);
    load_optimizer(checkpoint, table, pieces, HashCheck::compare, group);
    save_checkpoint(to, {config, table, pieces, nullptr}, checkpoint.manifest.info, group);
}

// Ranks move from all to half of them, to one and back, and each time the layout changes too.
TEST(LoadTest, AMovedCheckpointIsSavedWithTheSameBytes) {
    auto const world = test::all_ranks();
    SharedFolder const folder;
    auto config = test::small_config();
    config.dtype = DType::bf16;
    ParameterTable table(config, test::lopsided(config, world.size()), world, Device::cpu);
    test::fill_with_origin(table);
    Optimizer optimizer(table);
    auto const pieces = state_pieces(table, optimizer);
    fill_state(pieces, table);
    auto info = test::small_info(9);
    info.optimizer_step = 9;
    save_checkpoint(folder / "0", {config, table, pieces, nullptr}, info, world);
    int leg = 0;
    for (int const size : {std::max(1, world.size() / 2), 1, world.size()}) {
        auto const is_in = world.rank() < size;
        auto const group = MpiComm::split(MPI_COMM_WORLD, is_in ? 0 : 1, 0);
        auto const from = folder / std::to_string(leg);
        auto const to = folder / std::to_string(++leg);
        if (is_in) {
            load_and_save(from, to, test::round_robin(config, size), group);
        }
        barrier(world);
        EXPECT_TRUE(test::contents(to) == test::contents(folder / "0"))
            << "on " << size << " ranks";
    }
}

/// A saved checkpoint, to be damaged.
class DamageTest : public testing::Test {
protected:
    DamageTest() : world_(test::all_ranks()), config_(test::small_config()) {
        auto const placement = test::round_robin(config_, world_.size());
        test::save_origin(folder_ / "c", config_, placement, world_);
        checkpoint_ = read_checkpoint(folder_ / "c", world_);
    }

    void on_rank_0(std::function<void()> const& work) {
        barrier(world_);
        if (world_.rank() == 0) {
            work();
        }
        barrier(world_);
    }

    void load(ModelConfig const& config, HashCheck check) {
        auto const placement = test::round_robin(config, world_.size());
        ParameterTable table(config, placement, world_, Device::cpu);
        load_weights(checkpoint_, table, check, world_);
    }

    MpiComm world_;
    SharedFolder folder_;
    ModelConfig config_;
    StoredCheckpoint checkpoint_;
};

TEST_F(DamageTest, AFlippedBitIsFoundAndNamedOnAllRanks) {
    auto const path = folder_ / "c/L02-E001.h5";
    on_rank_0([&] {
        auto bytes = test::content_of(path);
        std::vector<float> first{
            test::origin_value("layers.2.experts.1.down.weight", 0),
            test::origin_value("layers.2.experts.1.down.weight", 1)};
        auto const found =
            bytes.find(std::string(reinterpret_cast<char const*>(first.data()), 2 * sizeof(float)));
        ASSERT_NE(found, std::string::npos);
        bytes[found] = static_cast<char>(bytes[found] ^ 1);
        test::write_content(path, bytes);
    });
    expect_error(Exit::data, "L02-E001.h5: the bytes of layers.2.experts.1.down.weight", [&] {
        load(config_, HashCheck::compare);
    });
    EXPECT_NO_THROW(load(config_, HashCheck::skip));
}

TEST_F(DamageTest, ACutFileIsNamed) {
    on_rank_0([&] {
        auto const path = folder_ / "c/L02-E000.h5";
        std::filesystem::resize_file(path, std::filesystem::file_size(path) / 2);
    });
    expect_error(Exit::data, "L02-E000.h5", [&] { load(config_, HashCheck::compare); });
    expect_error(Exit::data, "L02-E000.h5: has", [&] { read_checkpoint(folder_ / "c", world_); });
}

TEST_F(DamageTest, AMissingFileIsNamed) {
    on_rank_0([&] { std::filesystem::remove(folder_ / "c/routers.h5"); });
    expect_error(Exit::data, "routers.h5", [&] { load(config_, HashCheck::compare); });
}

TEST_F(DamageTest, AFileOfAnotherExpertIsNotTakenForThisOne) {
    on_rank_0([&] {
        std::filesystem::copy_file(
            folder_ / "c/L02-E000.h5", folder_ / "c/L02-E001.h5",
            std::filesystem::copy_options::overwrite_existing
        );
    });
    expect_error(Exit::data, "layers.2.experts.1", [&] { load(config_, HashCheck::skip); });
}

TEST_F(DamageTest, AnotherModelIsRefusedWithAllDifferences) {
    auto config = config_;
    config.width = 16;
    config.qkv_bias = false;
    for (auto const* part :
         {"embedding.weight: is f32 [37, 12] in the checkpoint and f32 [37, 16] in the model",
          "layers.0.attention.qkv.bias: is not in the model"}) {
        expect_error(Exit::data, part, [&] { load(config, HashCheck::compare); });
    }
    config = config_;
    config.layers[0].experts.resize(2);
    expect_error(Exit::data, "layers.0.router.weight: is not in the checkpoint", [&] {
        load(config, HashCheck::compare);
    });
}

TEST_F(DamageTest, AnotherTokenizerIsRefused) {
    auto const hash = test::hash_of("tokenizer");
    EXPECT_NO_THROW(require_tokenizer(checkpoint_, hash, 256, "corpus c"));
    expect_error(Exit::data, "corpus c has", [&] {
        require_tokenizer(checkpoint_, test::hash_of("another"), 256, "corpus c");
    });
}

TEST_F(DamageTest, AnotherSeparatorIsRefusedWhereTheModelHasOne) {
    auto const hash = test::hash_of("tokenizer");
    expect_error(Exit::data, "token 256 for this model, in corpus c with token 3", [&] {
        require_tokenizer(checkpoint_, hash, 3, "corpus c");
    });
    auto older = checkpoint_;
    older.manifest.info.separator = -1;
    EXPECT_NO_THROW(require_tokenizer(older, hash, 3, "corpus c"));
    older.manifest.info.separator = 0;
    EXPECT_NO_THROW(require_tokenizer(older, hash, 0, "corpus c"));
    expect_error(Exit::data, "token 0", [&] { require_tokenizer(older, hash, 3, "corpus c"); });
}

TEST_F(DamageTest, ResumingWithoutStateSaysWhatToDo) {
    ParameterTable table(config_, test::round_robin(config_, world_.size()), world_, Device::cpu);
    Optimizer optimizer(table);
    auto const pieces = state_pieces(table, optimizer);
    expect_error(Exit::data, "start a new run from it instead", [&] {
        load_optimizer(checkpoint_, table, pieces, HashCheck::compare, world_);
    });
}

}  // namespace
}  // namespace isogloss
