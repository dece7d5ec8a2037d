// checkpoint/manifest_check.cpp
#include "checkpoint/manifest_check.h"

#include <algorithm>
#include <iterator>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "checkpoint/shard_layout.h"

namespace isogloss {
namespace {

/// Each shard holds its tensors, and each tensor lies in a shard that is listed.
void check_shards(Manifest const& manifest, FaultList& faults) {
    std::map<std::string, std::int64_t> room;
    for (auto const& shard : manifest.shards) {
        if (!room.emplace(shard.file, shard.bytes).second) {
            faults.add("{}: the shard is listed twice", shard.file);
        }
    }
    for (auto const& tensor : manifest.tensors) {
        auto const found = room.find(tensor.shard);
        if (found == room.end()) {
            faults.add("{}: lies in \"{}\", which is no listed shard", tensor.name, tensor.shard);
            continue;
        }
        auto const bytes = tensor.bytes();
        if (bytes < 0 || bytes > found->second) {
            faults.add(
                "{}: its shape [{}] has more bytes than are left in {}", tensor.name,
                fmt::join(tensor.shape, ", "), tensor.shard
            );
            continue;
        }
        found->second -= bytes;
    }
}

/// The tensors that a model of this config has, state of the optimizer included if there is any.
std::vector<TensorRecord> expected_tensors(Manifest const& manifest) {
    std::vector<TensorRecord> expected;
    auto const specs = parameter_specs(manifest.config);
    for (auto const& spec : specs) {
        expected.push_back({spec.name, spec.shape, spec.dtype, {}, {}});
    }
    if (!manifest.has_optimizer_state()) {
        return expected;
    }
    for (auto const& spec : specs) {
        for (auto const kind :
             spec.trainable ? state_kinds(spec) : std::vector<std::string_view>{}) {
            expected.push_back({state_name(spec, kind), {spec.size()}, DType::f32, {}, {}});
        }
    }
    return expected;
}

void check_tensors(Manifest const& manifest, FaultList& faults) {
    std::map<std::string_view, TensorRecord const*> stored;
    for (auto const& tensor : manifest.tensors) {
        if (!stored.emplace(tensor.name, &tensor).second) {
            faults.add("{}: the tensor is listed twice", tensor.name);
        }
    }
    std::vector<std::string> unlike;  // told after what is missing or unknown
    for (auto const& tensor : expected_tensors(manifest)) {
        auto const found = stored.find(tensor.name);
        if (found == stored.end()) {
            faults.add("{}: the model has this tensor, the manifest has not", tensor.name);
            continue;
        }
        if (found->second->shape != tensor.shape || found->second->dtype != tensor.dtype) {
            unlike.push_back(fmt::format(
                "{}: is {} [{}], the model wants {} [{}]", tensor.name,
                name_of(found->second->dtype), fmt::join(found->second->shape, ", "),
                name_of(tensor.dtype), fmt::join(tensor.shape, ", ")
            ));
        }
        stored.erase(found);
    }
    for (auto const& [name, tensor] : stored) {
        faults.add("{}: the model has no such tensor", name);
    }
    std::ranges::move(unlike, std::back_inserter(faults.texts()));
}

}  // namespace

void check_contents(Manifest const& manifest, FaultList& faults) {
    check_shards(manifest, faults);
    check_tensors(manifest, faults);
}

}  // namespace isogloss
