// checkpoint/save_layout.cpp
#include "checkpoint/save_layout.h"

#include <algorithm>
#include <iterator>
#include <map>
#include <string_view>

#include "base/json.h"
#include "comm/collective.h"

namespace isogloss {
namespace {

Json made_to_json(MadeFile const& made) {
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

MadeFile made_from_json(Json const& value, std::span<PlannedFile const> files) {
    MadeFile made;
    made.plan = value["plan"];
    made.making = value["linked"] ? Making::linked : Making::written;
    made.warning = value["warning"];
    auto const& file = files[made.plan];
    made.shard.shard = {file.plan.file, value["bytes"], value["sha256"]};
    made.shard.tensors = file.tensors;
    for (std::size_t i = 0; i < file.tensors.size(); ++i) {
        made.shard.tensors[i].sha256 = value["tensors"][i];
    }
    return made;
}

}  // namespace

std::int64_t PlannedFile::bytes() const {
    std::int64_t sum = 0;
    for (auto const& tensor : tensors) {
        sum += tensor.bytes();
    }
    return sum;
}

std::vector<PlannedFile> planned_files(
    std::span<ParameterSpec const> specs, CheckpointInfo const& info
) {
    std::vector<PlannedFile> files;
    for (auto const& plan : weight_shards(specs)) {
        PlannedFile file{plan, Holding::weights, {}};
        for (auto const member : plan.members) {
            auto const& spec = specs[member];
            file.tensors.push_back({spec.name, spec.shape, spec.dtype, plan.file, {}});
        }
        files.push_back(std::move(file));
    }
    auto const states =
        info.optimizer_step >= 0 ? optimizer_shards(specs) : std::vector<ShardPlan>();
    for (auto const& plan : states) {
        PlannedFile file{plan, Holding::state, {}};
        for (auto const member : plan.members) {
            auto const& spec = specs[member];
            for (auto const kind : state_kinds(spec)) {
                file.tensors.push_back(
                    {state_name(spec, kind), {spec.size()}, DType::f32, plan.file, {}}
                );
            }
        }
        files.push_back(std::move(file));
    }
    return files;
}

std::int64_t bytes_on_disk(std::span<PlannedFile const> files) {
    constexpr std::int64_t kOfFile = 8192;    // its header, its last block and its folder's entry
    constexpr std::int64_t kOfTensor = 1024;  // its header, its alignment and its manifest's line
    std::int64_t sum = kOfFile;
    for (auto const& file : files) {
        sum += file.bytes() + kOfFile + kOfTensor * std::ssize(file.tensors);
    }
    return sum;
}

std::vector<MadeFile> gather_made(
    std::span<MadeFile const> mine, std::span<PlannedFile const> files, MpiComm const& world
) {
    auto list = Json::array();
    for (auto const& made : mine) {
        list.push_back(made_to_json(made));
    }
    auto const texts = gather_all(list.dump(-1, ' ', false, Json::error_handler_t::replace), world);
    std::vector<MadeFile> all;
    for (auto const& text : texts) {
        auto const values = Json::parse(text);
        for (auto const& value : values) {
            all.push_back(made_from_json(value, files));
        }
    }
    std::ranges::sort(all, {}, &MadeFile::plan);
    return all;
}

void take_records(
    Manifest& manifest, std::span<MadeFile const> made, std::span<ParameterSpec const> specs
) {
    std::map<std::string_view, TensorRecord const*> by_name;
    for (auto const& file : made) {
        manifest.shards.push_back(file.shard.shard);
        auto& bytes =
            file.making == Making::linked ? manifest.bytes_linked : manifest.bytes_written;
        bytes += file.shard.shard.bytes;
        for (auto const& tensor : file.shard.tensors) {
            by_name.emplace(tensor.name, &tensor);
        }
    }
    for (auto const& spec : specs) {
        manifest.tensors.push_back(*by_name.at(spec.name));
    }
    for (auto const& file : made) {
        std::ranges::copy_if(
            file.shard.tensors, std::back_inserter(manifest.tensors),
            [](TensorRecord const& tensor) { return is_state(tensor.name); }
        );
    }
}

}  // namespace isogloss
