// checkpoint/streamed_checkpoint.cpp
#include "checkpoint/streamed_checkpoint.h"

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/json.h"
#include "checkpoint/attempt.h"
#include "checkpoint/partial_checkpoint.h"
#include "checkpoint/shard_layout.h"
#include "comm/collective.h"

namespace isogloss {
namespace {

using Specs = std::vector<ParameterSpec>;

std::int64_t bytes_of_all(Specs const& specs) {
    std::int64_t bytes = 0;
    for (auto const& spec : specs) {
        bytes += spec.size() * bytes_of(spec.dtype);
    }
    return bytes;
}

FinishedShard write_shard(
    std::filesystem::path const& folder,
    ShardPlan const& plan,
    Specs const& specs,
    RowSource const& rows
) {
    ShardWriter writer(folder, plan.file);
    for (auto const member : plan.members) {
        auto const& spec = specs[member];
        writer.begin_tensor(spec.name, spec.shape, spec.dtype);
        rows(spec, writer);
        writer.end_tensor();
    }
    return writer.finish();
}

Json to_json(FinishedShard const& finished) {
    Json hashes = Json::object();
    for (auto const& tensor : finished.tensors) {
        hashes[tensor.name] = tensor.sha256;
    }
    return {
        {"file", finished.shard.file},
        {"bytes", finished.shard.bytes},
        {"sha256", finished.shard.sha256},
        {"tensors", hashes}};
}

/// Tells all ranks what each has written. Collective.
Manifest gathered_manifest(
    ModelConfig const& config,
    CheckpointInfo const& info,
    Specs const& specs,
    std::vector<ShardPlan> const& plans,
    Json const& mine,
    MpiComm const& world
) {
    std::map<std::string, Json> shards;
    for (auto const& text : gather_all(mine.dump(), world)) {
        for (auto const& shard : Json::parse(text)) {
            shards.emplace(shard["file"].get<std::string>(), shard);
        }
    }
    Manifest manifest{info, config, {}, {}, 0, 0};
    manifest.tensors.resize(specs.size());
    for (auto const& plan : plans) {
        auto const& shard = shards.at(plan.file);
        manifest.shards.push_back({plan.file, shard["bytes"], shard["sha256"]});
        manifest.bytes_written += manifest.shards.back().bytes;
        for (auto const member : plan.members) {
            auto const& spec = specs[member];
            manifest.tensors[member] = {
                spec.name, spec.shape, spec.dtype, plan.file, shard["tensors"][spec.name]};
        }
    }
    return manifest;
}

}  // namespace

StoredCheckpoint write_streamed_checkpoint(
    std::filesystem::path const& folder,
    ModelConfig const& config,
    CheckpointInfo const& info,
    RowSource const& rows,
    MpiComm const& world
) {
    auto const specs = parameter_specs(config);
    auto const plans = weight_shards(specs);
    std::optional<PartialCheckpoint> partial;  // on rank 0
    Attempt writing;
    if (world.rank() == 0) {
        writing.run([&] { partial.emplace(folder, bytes_of_all(specs), IfThere::refuse); });
    }
    writing.agree(world);

    auto mine = Json::array();
    for (std::size_t i = 0; i < plans.size(); ++i) {
        if (i % static_cast<std::size_t>(world.size()) == static_cast<std::size_t>(world.rank())) {
            writing.run([&] {
                mine.push_back(to_json(write_shard(partial_folder(folder), plans[i], specs, rows)));
            });
        }
    }
    writing.agree(world);

    StoredCheckpoint result{folder, gathered_manifest(config, info, specs, plans, mine, world), {}};
    Attempt commit;
    if (world.rank() == 0) {
        commit.run([&] { result = partial->commit(result.manifest); });
    }
    commit.agree(world);
    broadcast(result.manifest_sha256, 0, world);
    return result;
}

}  // namespace isogloss
