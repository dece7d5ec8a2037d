// growth/grow.cpp
#include "growth/grow.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <map>

#include "base/random.h"
#include "base/require.h"
#include "checkpoint/partial_checkpoint.h"
#include "checkpoint/shard_file.h"
#include "checkpoint/shard_layout.h"
#include "model/parameters.h"

namespace isogloss {
namespace {

std::string parameter_name(std::int32_t layer, std::int32_t expert, std::string const& rest) {
    return fmt::format("layers.{}.experts.{}.{}", layer, expert, rest);
}

/// x[i] += noise * rms(x) * normal(seed, stream, i), in the tensor's own type.
template <class T>
void add_noise(
    std::vector<std::byte>& bytes, float noise, std::uint64_t seed, std::uint64_t stream
) {
    auto const size = bytes.size() / sizeof(T);
    std::vector<T> values(size);
    std::memcpy(values.data(), bytes.data(), bytes.size());
    double squares = 0.0;
    for (auto const value : values) {
        squares += static_cast<double>(to_float(value)) * static_cast<double>(to_float(value));
    }
    auto const deviation =
        static_cast<double>(noise) * std::sqrt(squares / static_cast<double>(size));
    for (std::size_t i = 0; i < size; ++i) {
        auto const moved =
            static_cast<double>(to_float(values[i])) + deviation * random_normal(seed, stream, i);
        values[i] = from_float<T>(static_cast<float>(moved));
    }
    std::memcpy(bytes.data(), values.data(), bytes.size());
}

/// One growth, file by file.
class Growth {
public:
    Growth(StoredCheckpoint const& parent, ExpansionPlan const& plan, std::string const& options)
        : parent_(parent),
          plan_(plan),
          options_(options),
          config_(grown_config(parent.manifest.config, plan)),
          specs_(parameter_specs(config_)) {}

    [[nodiscard]] GrowthReport write(PartialCheckpoint& partial);

private:
    [[nodiscard]] bool is_new_expert(ParameterSpec const& spec) const;
    void write_expert(ShardPlan const& plan, std::filesystem::path const& folder);
    void write_routers(ShardPlan const& plan, std::filesystem::path const& folder);
    [[nodiscard]] std::vector<float> router_rows(ParameterSpec const& spec) const;
    void keep(ShardPlan const& plan, std::filesystem::path const& folder);
    void finish(ShardWriter& writer);
    [[nodiscard]] Manifest manifest() const;

    StoredCheckpoint const& parent_;
    ExpansionPlan const& plan_;
    std::string const& options_;
    ModelConfig config_;
    std::vector<ParameterSpec> specs_;
    std::vector<ShardRecord> shards_;
    std::map<std::string, TensorRecord> tensors_;
    GrowthReport report_;
};

bool Growth::is_new_expert(ParameterSpec const& spec) const {
    auto const& old = parent_.manifest.config.layers;
    return spec.part == Part::expert &&
           spec.expert >= old[static_cast<std::size_t>(spec.layer)].num_experts();
}

void Growth::finish(ShardWriter& writer) {
    auto const finished = writer.finish();
    shards_.push_back(finished.shard);
    report_.bytes_written += finished.shard.bytes;
    for (auto const& tensor : finished.tensors) {
        tensors_.emplace(tensor.name, tensor);
    }
}

void Growth::write_expert(ShardPlan const& plan, std::filesystem::path const& folder) {
    ShardWriter writer(folder, plan.file);
    for (auto const member : plan.members) {
        auto const& spec = specs_[member];
        auto const& expert = config_.layers[static_cast<std::size_t>(spec.layer)]
                                 .experts[static_cast<std::size_t>(spec.expert)];
        auto const rest = spec.name.substr(parameter_name(spec.layer, spec.expert, "").size());
        auto const* source =
            parent_.manifest.tensor(parameter_name(spec.layer, expert.parent, rest));
        require(source != nullptr, "{}: its source is not in the checkpoint", spec.name);
        auto bytes = read_tensor(parent_, *source, HashCheck::compare);
        auto const stream = random_stream(spec.name + "/noise");
        if (plan_.noise > 0.0F && spec.dtype == DType::bf16) {
            add_noise<bf16>(bytes, plan_.noise, plan_.seed, stream);
        } else if (plan_.noise > 0.0F) {
            add_noise<float>(bytes, plan_.noise, plan_.seed, stream);
        }
        writer.write(spec.name, spec.shape, spec.dtype, bytes);
    }
    finish(writer);
    ++report_.new_experts;
}

std::vector<float> Growth::router_rows(ParameterSpec const& spec) const {
    auto const experts = spec.shape[0];
    auto const width = spec.shape[1];
    std::vector<float> rows(static_cast<std::size_t>(experts * width));
    std::int64_t kept = 0;
    auto const* old = parent_.manifest.tensor(spec.name);
    if (old != nullptr && (plan_.router == RouterGrowth::keep || old->shape[0] == experts)) {
        auto const bytes = read_tensor(parent_, *old, HashCheck::compare);
        std::memcpy(rows.data(), bytes.data(), bytes.size());
        kept = old->shape[0] * width;
    }
    auto const deviation = std::sqrt(2.0 / static_cast<double>(width + experts));
    // The count of experts is part of the name: another growth of this layer draws other numbers.
    auto const stream = random_stream(fmt::format("{}/{}", spec.name, experts));
    for (auto i = static_cast<std::size_t>(kept); i < rows.size(); ++i) {
        rows[i] = static_cast<float>(deviation * random_normal(plan_.seed, stream, i));
    }
    return rows;
}

void Growth::write_routers(ShardPlan const& plan, std::filesystem::path const& folder) {
    ShardWriter writer(folder, plan.file);
    for (auto const member : plan.members) {
        auto const& spec = specs_[member];
        auto const rows = router_rows(spec);
        writer.write(spec.name, spec.shape, DType::f32, std::as_bytes(std::span(rows)));
    }
    finish(writer);
}

void Growth::keep(ShardPlan const& plan, std::filesystem::path const& folder) {
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

Manifest Growth::manifest() const {
    Manifest manifest;
    manifest.info = parent_.manifest.info;
    manifest.info.step = 0;
    manifest.info.optimizer_step = -1;
    manifest.info.options = options_;
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

GrowthReport Growth::write(PartialCheckpoint& partial) {
    for (auto const& plan : weight_shards(specs_)) {
        auto const& first = specs_[plan.members.front()];
        if (first.part == Part::router) {
            write_routers(plan, partial.folder());
        } else if (is_new_expert(first)) {
            write_expert(plan, partial.folder());
        } else {
            keep(plan, partial.folder());
        }
    }
    report_.checkpoint = partial.commit(manifest());
    return report_;
}

}  // namespace

std::int64_t growth_bytes(ModelConfig const& model, ExpansionPlan const& plan) {
    std::int64_t bytes = 0;
    for (auto const& spec : parameter_specs(grown_config(model, plan))) {
        auto const is_router = spec.part == Part::router;
        auto const is_new =
            spec.part == Part::expert &&
            spec.expert >= model.layers[static_cast<std::size_t>(spec.layer)].num_experts();
        bytes += is_router || is_new ? spec.size() * bytes_of(spec.dtype) : 0;
    }
    return bytes;
}

GrowthReport grow(
    std::filesystem::path const& from,
    ExpansionPlan const& plan,
    std::filesystem::path const& to,
    std::string const& options
) {
    auto const parent = read_checkpoint(from);
    Growth growth(parent, plan, options);
    PartialCheckpoint partial(to, growth_bytes(parent.manifest.config, plan), IfThere::refuse);
    return growth.write(partial);
}

}  // namespace isogloss
