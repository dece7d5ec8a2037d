// checkpoint/diff.cpp
#include "checkpoint/diff.h"

#include <map>
#include <set>
#include <utility>

#include "checkpoint/shard_layout.h"

namespace isogloss {
namespace {

using Records = std::map<std::string_view, TensorRecord const*>;

Records records_of(Manifest const& manifest) {
    Records records;
    for (auto const& tensor : manifest.tensors) {
        if (!is_state(tensor.name)) {
            records.emplace(tensor.name, &tensor);
        }
    }
    return records;
}

bool is_equal(TensorRecord const& a, TensorRecord const& b) {
    return a.shape == b.shape && a.dtype == b.dtype && a.sha256 == b.sha256;
}

void count(PartCount& counts, Difference difference) {
    switch (difference) {
        case Difference::equal: ++counts.equal; break;
        case Difference::different: ++counts.different; break;
        case Difference::only_in_a: ++counts.only_in_a; break;
        case Difference::only_in_b: ++counts.only_in_b; break;
    }
}

void count_experts(CheckpointDiff& diff) {
    using Expert = std::pair<std::int32_t, std::int32_t>;
    std::set<Expert> old_experts;
    std::set<Expert> changed;
    std::set<Expert> all;
    for (auto const& tensor : diff.tensors) {
        if (tensor.part != Part::expert) {
            continue;
        }
        Expert const expert(tensor.layer, tensor.expert);
        all.insert(expert);
        if (tensor.difference != Difference::only_in_b) {
            old_experts.insert(expert);
            if (tensor.difference != Difference::equal) {
                changed.insert(expert);
            }
        }
    }
    diff.old_experts = static_cast<std::int64_t>(old_experts.size());
    diff.old_experts_kept = static_cast<std::int64_t>(old_experts.size() - changed.size());
    diff.new_experts = static_cast<std::int64_t>(all.size() - old_experts.size());
}

}  // namespace

CheckpointDiff diff_checkpoints(Manifest const& a, Manifest const& b) {
    CheckpointDiff diff;
    auto const in_a = records_of(a);
    auto const in_b = records_of(b);
    auto const add = [&](ParameterSpec const& spec, Difference difference) {
        diff.tensors.push_back({spec.name, spec.part, spec.layer, spec.expert, difference});
        count(
            spec.part == Part::backbone ? diff.backbone
            : spec.part == Part::router ? diff.routers
                                        : diff.experts,
            difference
        );
    };
    for (auto const& spec : parameter_specs(a.config)) {
        auto const other = in_b.find(spec.name);
        if (other == in_b.end()) {
            add(spec, Difference::only_in_a);
        } else {
            add(spec, is_equal(*in_a.at(spec.name), *other->second) ? Difference::equal
                                                                    : Difference::different);
        }
    }
    for (auto const& spec : parameter_specs(b.config)) {
        if (!in_a.contains(spec.name)) {
            add(spec, Difference::only_in_b);
        }
    }
    count_experts(diff);
    return diff;
}

}  // namespace isogloss
