// checkpoint/save_test.cpp
#include "checkpoint/save.h"

#include <gtest/gtest.h>
#include <sys/mount.h>

#include <algorithm>
#include <limits>
#include <thread>

#include "checkpoint/load.h"
#include "checkpoint/partial_checkpoint.h"
#include "support/all_ranks.h"
#include "support/checkpoint_fixture.h"
#include "support/expect_error.h"

namespace isogloss {
namespace {

using test::expect_error;
using test::SharedFolder;
using test::TemporaryFolder;

/// State of the optimizer whose every element names its origin, cut as one rank of a group owns it.
struct OriginState {
    std::vector<std::vector<float>> memory;
    std::vector<StatePiece> pieces;

    /// This rank's even part of each trainable parameter, among its holders.
    OriginState(ParameterTable const& table, int rank) {
        for (std::size_t p = 0; p < table.specs().size(); ++p) {
            auto const& spec = table.specs()[p];
            auto const holders = table.holders(p);
            auto const place = std::ranges::find(holders, rank) - holders.begin();
            if (!spec.trainable || place == std::ssize(holders)) {
                continue;
            }
            auto const range = even_part(spec.size(), std::ssize(holders), place);
            StatePiece piece{p, range, {}, {}, {}};
            for (auto const kind : state_kinds(spec)) {
                auto& values = memory.emplace_back();
                for (auto i = range.begin; i < range.end; ++i) {
                    values.push_back(test::origin_value(state_name(spec, kind), i));
                }
                View<float, 1> const view{values.data(), {range.size()}, Device::cpu};
                (kind == "m" ? piece.m : kind == "v" ? piece.v : piece.master) = view;
            }
            pieces.push_back(piece);
        }
    }
};

SaveResult save_with_state(
    std::filesystem::path const& folder,
    ModelConfig const& config,
    Placement const& placement,
    MpiComm const& world
) {
    ParameterTable table(config, placement, world, Device::cpu);
    test::fill_with_origin(table);
    OriginState const state(table, world.rank());
    auto info = test::small_info(5);
    info.optimizer_step = 5;
    return save_checkpoint(folder, {config, table, state.pieces, nullptr}, info, world);
}

TEST(SaveTest, AnyRanksAndPlacementWriteTheSameBytes) {
    auto const world = test::all_ranks();
    SharedFolder const folder;
    auto config = test::small_config();
    config.dtype = DType::bf16;
    save_with_state(folder / "spread", config, test::round_robin(config, world.size()), world);
    save_with_state(folder / "lopsided", config, test::lopsided(config, world.size()), world);
    auto const alone = MpiComm::split(MPI_COMM_WORLD, world.rank(), 0);
    if (world.rank() == world.size() - 1) {
        save_with_state(folder / "alone", config, test::round_robin(config, 1), alone);
    }
    barrier(world);
    auto const expected = test::contents(folder / "alone");
    EXPECT_TRUE(expected.contains("optimizer-00000.h5"));
    EXPECT_EQ(expected.size(), 1U + 8U + 1U);  // manifest, weights, state
    EXPECT_TRUE(test::contents(folder / "spread") == expected);
    EXPECT_TRUE(test::contents(folder / "lopsided") == expected);
}

// Everything that was copied is spoiled before the first file is written.
TEST(SaveTest, AThreadWritesTheModelAsItWasAtTheSave) {
    auto const world = test::all_ranks();
    SharedFolder const folder;
    auto config = test::small_config();
    config.dtype = DType::bf16;
    auto const placement = test::round_robin(config, world.size());
    save_with_state(folder / "at-once", config, placement, world);

    ParameterTable table(config, placement, world, Device::cpu);
    test::fill_with_origin(table);
    OriginState state(table, world.rank());
    auto info = test::small_info(5);
    info.optimizer_step = 5;
    CheckpointSave save(
        folder / "later", {config, table, state.pieces, nullptr}, info, Writing::later, world
    );
    for (auto const& group : table.groups()) {
        std::fill_n(group.values.data(), group.values.bytes(), std::byte{0xFF});
    }
    for (auto& values : state.memory) {
        std::ranges::fill(values, std::numeric_limits<float>::quiet_NaN());
    }
    std::jthread([&] { save.write(); }).join();
    barrier(world);
    EXPECT_FALSE(std::filesystem::exists(folder / "later"));
    barrier(world);
    auto const result = save.commit();
    EXPECT_TRUE(test::contents(folder / "later") == test::contents(folder / "at-once"));
    EXPECT_EQ(result.checkpoint.folder, folder / "later");
    EXPECT_EQ(read_checkpoint(folder / "later", world).manifest, result.checkpoint.manifest);
}

TEST(SaveTest, ASaveThatIsGivenUpLeavesNothing) {
    auto const world = test::all_ranks();
    SharedFolder const folder;
    auto const config = test::small_config();
    ParameterTable table(config, test::round_robin(config, world.size()), world, Device::cpu);
    {
        CheckpointSave save(
            folder / "given-up", {config, table, {}, nullptr}, test::small_info(1), Writing::later,
            world
        );
        std::stop_source stop;
        stop.request_stop();
        save.write(stop.get_token());
        barrier(world);
    }
    barrier(world);
    EXPECT_TRUE(std::filesystem::is_empty(folder.path()));
    barrier(world);
}

TEST(SaveTest, LatestIsALinkToTheNewestStep) {
    auto const world = test::all_ranks();
    SharedFolder const folder;
    auto const config = test::small_config();
    auto const placement = test::round_robin(config, world.size());
    for (auto const step : {1, 2}) {
        test::save_origin(folder / step_folder(step).string(), config, placement, world);
        EXPECT_EQ(std::filesystem::read_symlink(folder / "latest"), step_folder(step));
        barrier(world);
    }
    EXPECT_NO_THROW(read_checkpoint(folder / "latest", world));
}

TEST(SaveTest, TensorsHaveTheHashesOfTheirElements) {
    auto const world = test::all_ranks();
    SharedFolder const folder;
    auto const config = test::small_config();
    auto const result =
        test::save_origin(folder / "c", config, test::round_robin(config, world.size()), world);
    ASSERT_EQ(result.checkpoint.manifest.tensors.size(), parameter_specs(config).size());
    for (auto const& spec : parameter_specs(config)) {
        std::vector<float> values;
        for (std::int64_t i = 0; i < spec.size(); ++i) {
            values.push_back(test::origin_value(spec.name, i));
        }
        auto const* tensor = result.checkpoint.manifest.tensor(spec.name);
        ASSERT_NE(tensor, nullptr) << spec.name;
        EXPECT_EQ(
            tensor->sha256,
            sha256({reinterpret_cast<char const*>(values.data()), values.size() * sizeof(float)})
        ) << spec.name;
    }
    auto const read = read_checkpoint(folder / "c", world);
    EXPECT_TRUE(read.manifest == result.checkpoint.manifest);
    EXPECT_EQ(read.manifest_sha256, result.checkpoint.manifest_sha256);
}

TEST(SaveTest, FilesOfFrozenParametersAreLinkedNotWritten) {
    auto const world = test::all_ranks();
    SharedFolder const folder;
    auto config = test::small_config();
    auto const placement = test::round_robin(config, world.size());
    auto const origin = test::save_origin(folder / "step-00000001", config, placement, world);

    config.backbone_trainable = false;
    for (auto& expert : config.layers[1].experts) {
        expert.trainable = false;
    }
    ParameterTable table(config, placement, world, Device::cpu);
    test::fill_with_origin(table);
    auto const result = save_checkpoint(
        folder / "step-00000002", {config, table, {}, &origin.checkpoint}, test::small_info(2),
        world
    );
    std::int64_t linked = 0;
    for (auto const& shard : result.checkpoint.manifest.shards) {
        auto const is_frozen = shard.file.starts_with("backbone") || shard.file.starts_with("L01-");
        auto const is_same = std::filesystem::equivalent(
            folder / ("step-00000001/" + shard.file), folder / ("step-00000002/" + shard.file)
        );
        EXPECT_EQ(is_same, is_frozen) << shard.file;
        linked += is_frozen ? shard.bytes : 0;
    }
    EXPECT_EQ(result.checkpoint.manifest.bytes_linked, linked);
    EXPECT_TRUE(result.warnings.empty());
    EXPECT_EQ(
        result.checkpoint.manifest.bytes_linked + result.checkpoint.manifest.bytes_written,
        origin.checkpoint.manifest.bytes_written
    );
}

TEST(SaveTest, WritesAgainWhatCannotBeLinked) {
    auto const world = test::all_ranks();
    SharedFolder const folder;
    auto const trained = test::small_config();
    auto const config = frozen(trained);
    auto const placement = test::round_robin(config, world.size());
    auto const origin = test::save_origin(folder / "step-00000001", trained, placement, world);
    auto const before = test::content_of(folder / "step-00000001/L01-E002.h5");
    barrier(world);
    if (world.rank() == 0) {
        std::filesystem::remove(folder / "step-00000001/L01-E002.h5");
    }
    barrier(world);
    ParameterTable table(config, placement, world, Device::cpu);
    test::fill_with_origin(table);
    auto const result = save_checkpoint(
        folder / "step-00000002", {config, table, {}, &origin.checkpoint}, test::small_info(2),
        world
    );
    EXPECT_TRUE(test::content_of(folder / "step-00000002/L01-E002.h5") == before);
    EXPECT_EQ(result.checkpoint.manifest.bytes_written, static_cast<std::int64_t>(before.size()));
    if (world.rank() == 0) {
        ASSERT_EQ(result.warnings.size(), 1U);
        EXPECT_NE(result.warnings[0].find("L01-E002.h5 is unchanged but"), std::string::npos);
    }
}

// A path under a plain file cannot be made, also by root, for whom nothing is read-only.
TEST(SaveTest, AFaultOfOneRankIsThrownByAll) {
    auto const world = test::all_ranks();
    SharedFolder const folder;
    if (world.rank() == 0) {
        test::write_content(folder / "file", "");
    }
    barrier(world);
    auto const config = test::small_config();
    auto const placement = test::round_robin(config, world.size());
    expect_error(Exit::environment, "cannot be made a folder", [&] {
        test::save_origin(folder / "file/step-00000001", config, placement, world);
    });
}

/// A file system of `bytes`, mounted by rank 0; not to be had without root.
class SmallDisk {
public:
    SmallDisk(std::filesystem::path path, std::int64_t bytes, MpiComm const& world)
        : path_(std::move(path)), world_(world) {
        std::int64_t mounted = 0;
        if (world.rank() == 0) {
            std::filesystem::create_directories(path_);
            auto const options = "size=" + std::to_string(bytes);
            mounted = ::mount("none", path_.c_str(), "tmpfs", 0, options.c_str()) == 0 ? 1 : 0;
        }
        is_there_ = sum_over(mounted, world) > 0;
    }
    ~SmallDisk() {
        MPI_Barrier(world_.get());
        if (is_there_ && world_.rank() == 0) {
            ::umount(path_.c_str());
        }
    }
    SmallDisk(SmallDisk const&) = delete;
    SmallDisk& operator=(SmallDisk const&) = delete;

    [[nodiscard]] bool is_there() const { return is_there_; }

private:
    std::filesystem::path path_;
    MpiComm const& world_;
    bool is_there_ = false;
};

constexpr std::int64_t kPage = 4096;

enum class Filled : std::uint8_t { before, meanwhile };

// Somebody else writes until `free_bytes` are left: before the second save begins, or then.
void expect_full_disk(Filled filled, std::int64_t free_bytes, std::string const& part) {
    auto const world = test::all_ranks();
    SharedFolder const folder;
    auto const root = folder / "disk";
    auto const config = test::small_config();
    auto const placement = test::round_robin(config, world.size());
    SmallDisk const disk(root, 96 * kPage, world);
    if (!disk.is_there()) {
        GTEST_SKIP() << "a small file system cannot be mounted here: that needs root";
    }
    test::save_origin(root / step_folder(1), config, placement, world);
    auto const fill = [&](Filled when) {
        if (world.rank() == 0 && when == filled) {
            auto const free = static_cast<std::int64_t>(std::filesystem::space(root).available);
            ASSERT_GE(free, free_bytes);
            test::write_content(
                root / "others", std::string(static_cast<std::size_t>(free - free_bytes), 'x')
            );
        }
        barrier(world);
    };
    ParameterTable table(config, placement, world, Device::cpu);
    expect_error(Exit::environment, part, [&] {
        fill(Filled::before);
        CheckpointSave save(
            root / step_folder(2), {config, table, {}, nullptr}, test::small_info(2),
            Writing::later, world
        );
        fill(Filled::meanwhile);
        save.write();
        save.commit();
    });
    barrier(world);  // rank 0 removes what was begun while its exception unwinds
    EXPECT_EQ(latest_checkpoint(root), root / step_folder(1));
    EXPECT_FALSE(std::filesystem::exists(partial_folder(root / step_folder(2))));
    barrier(world);
}

TEST(SaveTest, AFullDiskIsSeenBeforeAnythingIsWritten) {
    expect_full_disk(Filled::before, 2 * kPage, "bytes are needed");
}

// Elements are 14 KB in 8 files, which have headers, and each a page of its own at least: with 5
// pages the tensors would fit, and the files do not. So the disk fills up while they are written.
TEST(SaveTest, ADiskThatFillsUpMeanwhileLeavesThePreviousCheckpoint) {
    std::int64_t bytes = 0;
    for (auto const& spec : parameter_specs(test::small_config())) {
        bytes += spec.size() * 4;
    }
    ASSERT_LE(bytes, 5 * kPage);
    expect_full_disk(Filled::meanwhile, 5 * kPage, "step-00000002.partial");
}

TEST(SaveTest, StateThatNobodyOwnsIsOurFault) {
    auto const world = test::all_ranks();
    SharedFolder const folder;
    auto const config = test::small_config();
    ParameterTable table(config, test::round_robin(config, world.size()), world, Device::cpu);
    auto info = test::small_info(5);
    info.optimizer_step = 5;
    expect_error(Exit::internal, "state of embedding.weight: 0 of its 444 elements", [&] {
        save_checkpoint(folder / "c", {config, table, {}, nullptr}, info, world);
    });
}

}  // namespace
}  // namespace isogloss
