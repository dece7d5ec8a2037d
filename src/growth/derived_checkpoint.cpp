// growth/derived_checkpoint.cpp
#include "growth/derived_checkpoint.h"

#include <fmt/format.h>

#include <cstring>
#include <map>

#include "base/random.h"
#include "base/require.h"
#include "checkpoint/partial_checkpoint.h"
#include "checkpoint/shard_file.h"
#include "checkpoint/shard_layout.h"

namespace isogloss {
namespace {

std::string expert_prefix(std::int32_t layer, std::int32_t expert) {
    return fmt::format("layers.{}.experts.{}.", layer, expert);
}

bool is_new_expert(ParameterSpec const& spec, ModelConfig const& parent) {
    return spec.part == Part::expert &&
           spec.expert >= parent.layers[static_cast<std::size_t>(spec.layer)].num_experts();
}

// One checkpoint, file by file.
class Derivation {
public:
    Derivation(StoredCheckpoint const& parent, ModelConfig const& config, TensorMaker const& make)
        : parent_(parent), config_(config), make_(make), specs_(parameter_specs(config)) {}

    GrowthReport write(PartialCheckpoint& partial, std::string const& options) {
        for (auto const& plan : weight_shards(specs_)) {
            auto const& first = specs_[plan.members.front()];
            if (is_new_expert(first, parent_.manifest.config)) {
                make(plan, partial.folder());
                ++report_.new_experts;
            } else if (first.part == Part::router) {
                make(plan, partial.folder());
            } else {
                keep(plan, partial.folder());
            }
        }
        report_.checkpoint = partial.commit(manifest(options));
        return report_;
    }

private:
    void make(ShardPlan const& plan, std::filesystem::path const& folder) {
        ShardWriter writer(folder, plan.file);
        for (auto const member : plan.members) {
            auto const& spec = specs_[member];
            writer.write(spec.name, spec.shape, spec.dtype, make_(spec));
        }
        auto const finished = writer.finish();
        shards_.push_back(finished.shard);
        report_.bytes_written += finished.shard.bytes;
        for (auto const& tensor : finished.tensors) {
            tensors_.emplace(tensor.name, tensor);
        }
    }

    void keep(ShardPlan const& plan, std::filesystem::path const& folder) {
        auto const* shard = parent_.manifest.shard(plan.file);
        require_data(
            shard != nullptr, "{}: has no file {}; its layout is not this program's",
            parent_.folder.string(), plan.file
        );
        auto const reason = link_shard(parent_.folder, folder, *shard);
        if (reason.empty()) {
            report_.bytes_linked += shard->bytes;
        } else {
            report_.warnings.push_back(fmt::format(
                "{} cannot be linked from {} ({}); it is copied, {} bytes", plan.file,
                parent_.folder.string(), reason, shard->bytes
            ));
            copy_shard(parent_.folder, folder, *shard);
            report_.bytes_written += shard->bytes;
        }
        shards_.push_back(*shard);
        for (auto const* tensor : parent_.manifest.tensors_of(plan.file)) {
            tensors_.emplace(tensor->name, *tensor);
        }
    }

    [[nodiscard]] Manifest manifest(std::string const& options) const {
        Manifest manifest;
        manifest.info = parent_.manifest.info;
        manifest.info.step = 0;
        manifest.info.optimizer_step = -1;
        manifest.info.options = options;
        manifest.info.parent = ParentRecord{parent_.folder.string(), parent_.manifest_sha256};
        manifest.config = config_;
        manifest.shards = shards_;
        for (auto const& spec : specs_) {
            manifest.tensors.push_back(tensors_.at(spec.name));
        }
        manifest.bytes_written = report_.bytes_written;
        manifest.bytes_linked = report_.bytes_linked;
        return manifest;
    }

    StoredCheckpoint const& parent_;
    ModelConfig const& config_;
    TensorMaker const& make_;
    std::vector<ParameterSpec> specs_;
    std::vector<ShardRecord> shards_;
    std::map<std::string, TensorRecord> tensors_;
    GrowthReport report_;
};

}  // namespace

GrowthReport derive_checkpoint(
    StoredCheckpoint const& parent,
    ModelConfig const& config,
    std::filesystem::path const& to,
    std::string const& options,
    TensorMaker const& make
) {
    PartialCheckpoint partial(to, derived_bytes(parent.manifest.config, config), IfThere::refuse);
    return Derivation(parent, config, make).write(partial, options);
}

std::int64_t derived_bytes(ModelConfig const& parent, ModelConfig const& config) {
    std::int64_t bytes = 0;
    for (auto const& spec : parameter_specs(config)) {
        bytes += spec.part == Part::router || is_new_expert(spec, parent)
                     ? spec.size() * bytes_of(spec.dtype)
                     : 0;
    }
    return bytes;
}

std::string obstacle_to_copies(ModelConfig const& model, std::int32_t layer) {
    if (model.gates == GateScale::renormalised) {
        return {};
    }
    return fmt::format(
        "layer {}: has one expert, and with gates = {} those of its copies do not add up to 1: it "
        "would not compute what it did; let layers grow that have a router",
        layer, name_of(model.gates)
    );
}

std::vector<std::byte> copy_of_parent_expert(
    StoredCheckpoint const& parent, ModelConfig const& config, ParameterSpec const& spec
) {
    auto const& expert = config.layers[static_cast<std::size_t>(spec.layer)]
                             .experts[static_cast<std::size_t>(spec.expert)];
    auto const rest = spec.name.substr(expert_prefix(spec.layer, spec.expert).size());
    auto const* source = parent.manifest.tensor(expert_prefix(spec.layer, expert.parent) + rest);
    require(source != nullptr, "{}: its source is not in the checkpoint", spec.name);
    return read_tensor(parent, *source, HashCheck::compare);
}

std::vector<std::byte> normal_floats(
    std::int64_t size, double deviation, std::uint64_t seed, std::uint64_t stream
) {
    std::vector<std::byte> bytes(static_cast<std::size_t>(size) * sizeof(float));
    for (std::size_t i = 0; i < static_cast<std::size_t>(size); ++i) {
        auto const value = static_cast<float>(deviation * random_normal(seed, stream, i));
        std::memcpy(bytes.data() + i * sizeof(float), &value, sizeof(float));
    }
    return bytes;
}

}  // namespace isogloss
