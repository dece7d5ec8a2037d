// checkpoint/save.cpp
#include "checkpoint/save.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <optional>
#include <ranges>

#include "base/json.h"
#include "base/require.h"
#include "checkpoint/attempt.h"
#include "checkpoint/partial_checkpoint.h"
#include "checkpoint/shard_file.h"
#include "checkpoint/shard_layout.h"
#include "checkpoint/state_writer.h"
#include "comm/collective.h"
#include "device/copy.h"

namespace isogloss {
namespace {

enum class Making : std::uint8_t { written, linked };

/// A file that one rank finished, told to all.
struct Made {
    std::size_t plan = 0;  ///< its place in the layout
    Making making = Making::written;
    FinishedShard shard;
    std::string warning;
};

/// Writes one parameter, from wherever its values are.
template <class T>
void write_values(ShardWriter& writer, View<T, 1> values, ParameterSpec const& spec) {
    Buffer<T> room;
    auto const host = on_host(values, room, Stream{});
    writer.write(spec.name, spec.shape, spec.dtype, std::as_bytes(host.span()));
}

/// The tensors of `plan` as the origin stores them in a file of the same name; empty when the file
/// is not the same or may have changed since.
std::vector<TensorRecord> unchanged_tensors(
    ShardPlan const& plan, std::span<ParameterSpec const> specs, StoredCheckpoint const* origin
) {
    std::vector<TensorRecord> tensors;
    if (origin == nullptr || origin->manifest.shard(plan.file) == nullptr) {
        return {};
    }
    for (auto const* stored : origin->manifest.tensors_of(plan.file)) {
        tensors.push_back(*stored);
    }
    auto const is_same = [&](std::size_t member, TensorRecord const& stored) {
        auto const& spec = specs[member];
        return !spec.trainable && spec.name == stored.name && spec.shape == stored.shape &&
               spec.dtype == stored.dtype;
    };
    return std::ranges::equal(plan.members, tensors, is_same) ? tensors
                                                              : std::vector<TensorRecord>();
}

/// One save, from its layout to its records.
class Save {
public:
    Save(SaveInput const& input, CheckpointInfo const& info, MpiComm const& world)
        : input_(input),
          world_(world),
          weights_(weight_shards(input.parameters.specs())),
          states_(
              info.optimizer_step >= 0 ? optimizer_shards(input.parameters.specs())
                                       : std::vector<ShardPlan>()
          ) {}

    [[nodiscard]] std::int64_t bytes_to_write() const;
    void write_weights(std::filesystem::path const& folder, Attempt& attempt);
    void write_state(std::filesystem::path const& folder, Attempt& attempt);
    /// Collective.
    [[nodiscard]] std::vector<Made> gather_made() const;

private:
    [[nodiscard]] std::span<ParameterSpec const> specs() const { return input_.parameters.specs(); }
    Made link_or_write(std::filesystem::path const& folder, ShardPlan const& plan) const;
    static Json made_to_json(Made const& made);
    [[nodiscard]] Made made_from_json(Json const& value) const;

    SaveInput const& input_;
    MpiComm const& world_;
    std::vector<ShardPlan> weights_;
    std::vector<ShardPlan> states_;
    std::vector<Made> made_;  ///< by this rank
};

std::int64_t Save::bytes_to_write() const {
    std::int64_t bytes = 0;
    for (auto const& plan : weights_) {
        if (unchanged_tensors(plan, specs(), input_.origin).empty()) {
            for (auto const member : plan.members) {
                bytes += specs()[member].size() * bytes_of(specs()[member].dtype);
            }
        }
    }
    for (auto const& plan : states_) {
        for (auto const member : plan.members) {
            auto const kinds = static_cast<std::int64_t>(state_kinds(specs()[member]).size());
            bytes += specs()[member].size() * kinds * bytes_of(DType::f32);
        }
    }
    return bytes;
}

Made Save::link_or_write(std::filesystem::path const& folder, ShardPlan const& plan) const {
    Made made;
    auto const unchanged = unchanged_tensors(plan, specs(), input_.origin);
    if (!unchanged.empty()) {
        auto const& record = *input_.origin->manifest.shard(plan.file);
        auto const reason = link_shard(input_.origin->folder, folder, record);
        if (reason.empty()) {
            return {0, Making::linked, {record, unchanged}, {}};
        }
        made.warning = fmt::format(
            "{} is unchanged but cannot be linked from {} ({}); it is written again", plan.file,
            input_.origin->folder.string(), reason
        );
    }
    ShardWriter writer(folder, plan.file);
    for (auto const member : plan.members) {
        auto const& spec = specs()[member];
        if (spec.dtype == DType::bf16) {
            write_values(writer, input_.parameters.values<bf16>(member), spec);
        } else {
            write_values(writer, input_.parameters.values<float>(member), spec);
        }
    }
    made.shard = writer.finish();
    return made;
}

void Save::write_weights(std::filesystem::path const& folder, Attempt& attempt) {
    for (std::size_t i = 0; i < weights_.size(); ++i) {
        // All members of a file have the same holders; which of them writes goes round.
        auto const holders = input_.parameters.holders(weights_[i].members.front());
        if (holders[i % holders.size()] != world_.rank()) {
            continue;
        }
        attempt.run([&] {
            auto made = link_or_write(folder, weights_[i]);
            made.plan = i;
            made_.push_back(std::move(made));
        });
    }
}

void Save::write_state(std::filesystem::path const& folder, Attempt& attempt) {
    if (states_.empty()) {
        return;  // on all ranks
    }
    StateOwners const owners(specs(), input_.optimizer, world_);
    StateGatherer gatherer(owners, input_.optimizer, world_);
    for (std::size_t i = 0; i < states_.size(); ++i) {
        auto const writer = static_cast<int>(i % static_cast<std::size_t>(world_.size()));
        std::optional<ShardWriter> shard;
        auto const writes = writer == world_.rank();
        auto const run = [&](auto&& work) {
            if (writes) {
                attempt.run(work);
            }
        };
        run([&] { shard.emplace(folder, states_[i].file); });
        for (auto const member : states_[i].members) {
            auto const& spec = specs()[member];
            for (auto const kind : state_kinds(spec)) {
                auto const name = state_name(spec, kind);
                run([&] { shard->begin_tensor(name, {spec.size()}, DType::f32); });
                gatherer.gather(member, kind, writer, shard, attempt);
                run([&] { shard->end_tensor(); });
            }
        }
        run([&] { made_.push_back({weights_.size() + i, Making::written, shard->finish(), {}}); });
    }
}

Json Save::made_to_json(Made const& made) {
    auto hashes = Json::array();
    for (auto const& tensor : made.shard.tensors) {
        hashes.push_back(tensor.sha256);
    }
    return {
        {"plan", made.plan},
        {"linked", made.making == Making::linked},
        {"bytes", made.shard.shard.bytes},
        {"sha256", made.shard.shard.sha256},
        {"warning", made.warning},
        {"tensors", hashes}};
}

Made Save::made_from_json(Json const& value) const {
    Made made;
    made.plan = value["plan"];
    made.making = value["linked"] ? Making::linked : Making::written;
    made.warning = value["warning"];
    auto const is_weight = made.plan < weights_.size();
    auto const& plan = is_weight ? weights_[made.plan] : states_[made.plan - weights_.size()];
    made.shard.shard = {plan.file, value["bytes"], value["sha256"]};
    std::size_t next = 0;
    auto const add = [&](std::string const& name, std::vector<std::int64_t> const& shape,
                         DType type) {
        made.shard.tensors.push_back({name, shape, type, plan.file, value["tensors"][next++]});
    };
    for (auto const member : plan.members) {
        auto const& spec = specs()[member];
        if (is_weight) {
            add(spec.name, spec.shape, spec.dtype);
            continue;
        }
        for (auto const kind : state_kinds(spec)) {
            add(state_name(spec, kind), {spec.size()}, DType::f32);
        }
    }
    return made;
}

std::vector<Made> Save::gather_made() const {
    auto mine = Json::array();
    for (auto const& made : made_) {
        mine.push_back(made_to_json(made));
    }
    auto const texts =
        gather_all(mine.dump(-1, ' ', false, Json::error_handler_t::replace), world_);
    std::vector<Made> all;
    for (auto const& text : texts) {
        auto const list = Json::parse(text);
        for (auto const& value : list) {
            all.push_back(made_from_json(value));
        }
    }
    std::ranges::sort(all, {}, &Made::plan);
    return all;
}

/// The manifest's tensors, parameters in the table's order first.
void take_records(Manifest& manifest, std::vector<Made> const& all, ParameterTable const& table) {
    std::map<std::string_view, TensorRecord const*> by_name;
    for (auto const& made : all) {
        manifest.shards.push_back(made.shard.shard);
        auto& bytes =
            made.making == Making::linked ? manifest.bytes_linked : manifest.bytes_written;
        bytes += made.shard.shard.bytes;
        for (auto const& tensor : made.shard.tensors) {
            by_name.emplace(tensor.name, &tensor);
        }
    }
    for (auto const& spec : table.specs()) {
        manifest.tensors.push_back(*by_name.at(spec.name));
    }
    for (auto const& made : all) {
        if (made.shard.shard.file.starts_with("optimizer-")) {
            std::ranges::copy(made.shard.tensors, std::back_inserter(manifest.tensors));
        }
    }
}

}  // namespace

SaveResult save_checkpoint(
    std::filesystem::path const& folder,
    SaveInput const& input,
    CheckpointInfo const& info,
    MpiComm const& world
) {
    Save save(input, info, world);
    std::optional<PartialCheckpoint> partial;  // on rank 0
    Attempt begin;
    if (world.rank() == 0) {
        begin.run([&] {
            if (is_step_folder(folder)) {  // then the folder above is this run's alone
                remove_partial_checkpoints(folder.parent_path());
            }
            partial.emplace(folder, save.bytes_to_write(), IfThere::replace);
        });
    }
    begin.agree(world);

    Attempt writing;
    save.write_weights(partial_folder(folder), writing);
    save.write_state(partial_folder(folder), writing);
    writing.agree(world);

    SaveResult result;
    auto const made = save.gather_made();
    Manifest manifest{info, input.config, {}, {}, 0, 0};
    take_records(manifest, made, input.parameters);
    Attempt commit;
    if (world.rank() == 0) {
        commit.run([&] { result.checkpoint = partial->commit(manifest); });
        for (auto const& each : made) {
            if (!each.warning.empty()) {
                result.warnings.push_back(each.warning);
            }
        }
    }
    commit.agree(world);
    result.checkpoint = {folder, manifest, result.checkpoint.manifest_sha256};
    broadcast(result.checkpoint.manifest_sha256, 0, world);
    return result;
}

}  // namespace isogloss
