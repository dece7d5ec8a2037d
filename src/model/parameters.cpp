// model/parameters.cpp
#include "model/parameters.h"

#include <fmt/format.h>

#include <algorithm>
#include <functional>
#include <map>
#include <numeric>
#include <tuple>

#include "base/math.h"
#include "base/require.h"
#include "kernels/elementwise.h"

namespace isogloss {
namespace {

constexpr std::int64_t kAlignment = 64;  // bytes, of each member's start

using Shape = std::vector<std::int64_t>;

// Collects specs; what is common to the parts of the model is said once.
class SpecList {
public:
    explicit SpecList(ModelConfig const& config) : config_(config) {}

    void backbone(std::string name, Shape shape, std::int32_t layer = -1) {
        bool const is_matrix = shape.size() > 1;
        specs_.push_back(
            {std::move(name), std::move(shape), Part::backbone, layer, -1, config_.dtype, is_matrix,
             config_.backbone_trainable}
        );
    }
    /// Of a linear layer.
    void product(std::string name, Shape shape, std::int32_t layer = -1) {
        backbone(std::move(name), std::move(shape), layer);
        specs_.back().begins_by_product = true;
    }
    void expert(std::string name, Shape shape, std::int32_t layer, std::int32_t expert) {
        auto const& chosen = config_.layers[static_cast<std::size_t>(layer)]
                                 .experts[static_cast<std::size_t>(expert)];
        bool const is_matrix = shape.size() > 1;
        specs_.push_back(
            {std::move(name), std::move(shape), Part::expert, layer, expert, config_.dtype,
             is_matrix, chosen.trainable, is_matrix}
        );
    }
    void router(std::string name, Shape shape, std::int32_t layer) {
        specs_.push_back(
            {std::move(name), std::move(shape), Part::router, layer, -1, DType::f32, true,
             config_.routers_trainable}
        );
    }
    [[nodiscard]] std::vector<ParameterSpec> take() { return std::move(specs_); }

private:
    ModelConfig const& config_;
    std::vector<ParameterSpec> specs_;
};

void add_norm(
    SpecList& list, ModelConfig const& config, std::string const& name, std::int32_t layer = -1
) {
    list.backbone(name + ".weight", {config.width}, layer);
    if (config.family.norm == NormKind::layer) {
        list.backbone(name + ".bias", {config.width}, layer);
    }
}

void add_attention(
    SpecList& list, ModelConfig const& config, std::string const& name, std::int32_t layer
) {
    auto const query_width = config.num_heads * config.head_width;
    auto const qkv_width = (config.num_heads + 2 * config.num_kv_heads) * config.head_width;
    list.product(name + ".qkv.weight", {qkv_width, config.width}, layer);
    if (config.qkv_bias) {
        list.backbone(name + ".qkv.bias", {qkv_width}, layer);
    }
    if (config.family.qk_norm) {
        list.backbone(name + ".q_norm.weight", {config.head_width}, layer);
        list.backbone(name + ".k_norm.weight", {config.head_width}, layer);
    }
    list.product(name + ".output.weight", {config.width, query_width}, layer);
    if (config.family.linear_bias) {
        list.backbone(name + ".output.bias", {config.width}, layer);
    }
}

// Calls add(name, shape) for each parameter of a feed-forward of hidden width `hidden`.
template <class Add>
void add_feed_forward(
    ModelConfig const& config, std::string const& name, std::int64_t hidden, Add const& add
) {
    bool const has_gate = is_gated(config.family.feed_forward);
    auto const rows = first_rows(config.family.feed_forward, hidden);
    auto const first = name + (has_gate ? "gate_up" : "up");
    add(first + ".weight", Shape{rows, config.width});
    if (config.family.linear_bias) {
        add(first + ".bias", Shape{rows});
    }
    add(name + "down.weight", Shape{config.width, hidden});
    if (config.family.linear_bias) {
        add(name + "down.bias", Shape{config.width});
    }
}

void add_shared_expert(SpecList& list, ModelConfig const& config, std::int32_t layer) {
    auto const name = fmt::format("layers.{}.shared_expert.", layer);
    auto const hidden = config.layers[static_cast<std::size_t>(layer)].shared_hidden;
    add_feed_forward(config, name, hidden, [&](std::string const& its, Shape const& shape) {
        shape.size() > 1 ? list.product(its, shape, layer) : list.backbone(its, shape, layer);
    });
    list.backbone(name + "gate.weight", {1, config.width}, layer);
}

void add_layer(SpecList& list, ModelConfig const& config, std::int32_t layer) {
    auto const prefix = fmt::format("layers.{}.", layer);
    add_norm(list, config, prefix + "attention_norm", layer);
    add_attention(list, config, prefix + "attention", layer);
    add_norm(list, config, prefix + "ffn_norm", layer);

    auto const& shape = config.layers[static_cast<std::size_t>(layer)];
    if (shape.has_shared_expert()) {
        add_shared_expert(list, config, layer);
    }
    if (shape.has_router()) {
        list.router(prefix + "router.weight", {shape.num_experts(), config.width}, layer);
    }
    if (shape.has_classifier()) {
        list.router(prefix + "classifier.weight", {shape.classifier.classes, config.width}, layer);
    }
    for (std::int32_t e = 0; e < shape.num_experts(); ++e) {
        auto const name = fmt::format("{}experts.{}.", prefix, e);
        auto const add = [&](std::string const& its, Shape const& extents) {
            list.expert(its, extents, layer, e);
        };
        add_feed_forward(config, name, config.ffn_hidden, add);
    }
}

std::vector<std::vector<int>> holders_of(
    std::vector<ParameterSpec> const& specs, Placement const& placement, int num_ranks
) {
    std::vector<int> everyone(static_cast<std::size_t>(num_ranks));
    std::iota(everyone.begin(), everyone.end(), 0);
    std::vector<std::vector<int>> holders;
    holders.reserve(specs.size());
    for (auto const& spec : specs) {
        if (spec.part == Part::expert) {
            holders.push_back(placement.layers.at(static_cast<std::size_t>(spec.layer))
                                  .ranks.at(static_cast<std::size_t>(spec.expert)));
        } else {
            holders.push_back(everyone);
        }
    }
    return holders;
}

// What the members of one group have in common.
using GroupKey = std::tuple<std::vector<int>, DType, bool>;

// Groups in order of their first member: the same order on every rank, so that their communicators
// are made in the same order everywhere.
std::vector<std::pair<GroupKey, std::vector<std::size_t>>> grouped(
    std::vector<ParameterSpec> const& specs, std::vector<std::vector<int>> const& holders
) {
    std::vector<std::pair<GroupKey, std::vector<std::size_t>>> groups;
    std::map<GroupKey, std::size_t> place;
    for (std::size_t i = 0; i < specs.size(); ++i) {
        GroupKey const key{holders[i], specs[i].dtype, specs[i].trainable};
        auto const [found, is_new] = place.try_emplace(key, groups.size());
        if (is_new) {
            groups.push_back({key, {}});
        }
        groups[found->second].second.push_back(i);
    }
    return groups;
}

ParameterGroup make_group(
    GroupKey const& key,
    std::vector<std::size_t> const& members,
    std::vector<ParameterSpec> const& specs,
    Device device
) {
    ParameterGroup group;
    std::tie(group.ranks, group.dtype, group.trainable) = key;
    group.members = members;
    auto const step = kAlignment / bytes_of(group.dtype);
    for (auto const index : members) {
        group.offsets.push_back(group.size);
        group.size += round_up(specs[index].size(), step);
    }
    group.values = Memory(device, group.size * bytes_of(group.dtype));
    if (group.trainable) {
        group.gradients = Buffer<float>(device, group.size);
    }
    return group;
}

// Parameters are in the order of the blocks, with what is outside of them before and after.
std::vector<std::size_t> first_of_blocks(std::span<ParameterSpec const> specs) {
    std::vector<std::size_t> first;
    std::size_t after = 0;
    for (std::size_t i = 0; i < specs.size(); ++i) {
        if (specs[i].layer >= 0) {
            first.resize(index(specs[i].layer) + 1, i);
            after = i + 1;
        }
    }
    if (!first.empty()) {
        first.front() = 0;
    }
    first.push_back(after);
    return first;
}

void check_placement(ModelConfig const& config, Placement const& placement, int num_ranks) {
    require(
        placement.layers.size() == config.layers.size(),
        "the placement has {} layers, the model {}", placement.layers.size(), config.layers.size()
    );
    for (std::size_t i = 0; i < config.layers.size(); ++i) {
        auto const& layer = placement.layers[i];
        require(
            layer.num_experts() == config.layers[i].num_experts(),
            "layer {}: the placement has {} experts, the model {}", i, layer.num_experts(),
            config.layers[i].num_experts()
        );
        require(
            config.layers[i].has_router() || layer.is_local(num_ranks),
            "layer {} has one expert; every rank must hold it", i
        );
    }
}

}  // namespace

std::int64_t ParameterSpec::size() const {
    return std::accumulate(shape.begin(), shape.end(), std::int64_t{1}, std::multiplies<>());
}

std::vector<ParameterSpec> parameter_specs(ModelConfig const& config) {
    SpecList list(config);
    if (config.tied_embeddings) {  // the head's product comes first on the way back
        list.product("embedding.weight", {config.vocab_size, config.width});
    } else {
        list.backbone("embedding.weight", {config.vocab_size, config.width});
    }
    if (config.family.embedding_norm) {
        add_norm(list, config, "embedding_norm");
    }
    for (std::int32_t layer = 0; layer < config.num_layers(); ++layer) {
        add_layer(list, config, layer);
    }
    add_norm(list, config, "final_norm");
    if (!config.tied_embeddings) {
        list.product("head.weight", {config.vocab_size, config.width});
    }
    return list.take();
}

ParameterTable::ParameterTable(
    ModelConfig const& config, Placement const& placement, MpiComm const& world, Device device
)
    : specs_(parameter_specs(config)),
      first_of_block_(first_of_blocks(specs_)),
      is_empty_(std::make_unique<bool[]>(specs_.size())),
      device_(device) {
    check_placement(config, placement, world.size());
    holders_ = holders_of(specs_, placement, world.size());
    places_.resize(specs_.size());
    for (std::size_t i = 0; i < specs_.size(); ++i) {
        index_.emplace(specs_[i].name, i);
    }
    int tag = 0;
    for (auto const& [key, members] : grouped(specs_, holders_)) {
        auto const& ranks = std::get<0>(key);
        if (std::ranges::binary_search(ranks, world.rank())) {
            auto group = make_group(key, members, specs_, device);
            group.comm = MpiComm::of_ranks(world, ranks, tag);
            for (std::size_t m = 0; m < members.size(); ++m) {
                places_[members[m]] = {static_cast<std::int32_t>(groups_.size()), group.offsets[m]};
            }
            groups_.push_back(std::move(group));
        }
        ++tag;
    }
}

std::size_t ParameterTable::index_of(std::string const& name) const {
    auto const found = index_.find(name);
    require(found != index_.end(), "the model has no parameter {}", name);
    return found->second;
}

bool ParameterTable::is_held(std::size_t index) const {
    return places_.at(index).group >= 0;
}

std::span<int const> ParameterTable::holders(std::size_t index) const {
    return holders_.at(index);
}

ParameterGroup const& ParameterTable::group_of(std::size_t index) const {
    require(is_held(index), "{} is not held by this rank", specs_.at(index).name);
    return groups_[static_cast<std::size_t>(places_[index].group)];
}

template <class T>
View<T, 1> ParameterTable::values(std::size_t index) const {
    auto const& group = group_of(index);
    auto const& spec = specs_[index];
    await_values(num_blocks());
    require(
        group.dtype == dtype_of<T>(), "{} is of type {}, asked for as {}", spec.name,
        name_of(group.dtype), name_of(dtype_of<T>())
    );
    auto* const first = reinterpret_cast<T*>(group.values.data()) + places_[index].offset;
    return {first, {spec.size()}, device_};
}

template <class T>
View<T, 2> ParameterTable::matrix(std::size_t index) const {
    auto const rows = specs_.at(index).shape.at(0);
    return values<T>(index).template reshaped<2>({rows, specs_[index].size() / rows});
}

View<float, 1> ParameterTable::gradient(std::size_t index) const {
    auto const& group = group_of(index);
    auto const size = specs_[index].size();
    if (!group.trainable) {
        return {nullptr, {size}, device_};
    }
    return {group.gradients.data() + places_[index].offset, {size}, device_};
}

View<float, 2> ParameterTable::gradient_matrix(std::size_t index) const {
    auto const rows = specs_.at(index).shape.at(0);
    return gradient(index).reshaped<2>({rows, specs_[index].size() / rows});
}

GradientSum ParameterTable::gradient_sum(std::size_t index) const {
    return {gradient_matrix(index), specs_[index].begins_by_product ? &is_empty_[index] : nullptr};
}

void ParameterTable::restart_gradients() {
    for (std::size_t i = 0; i < specs_.size(); ++i) {
        is_empty_[i] = is_held(i) && specs_[i].trainable;
    }
}

void ParameterTable::begin_block(std::int32_t block) {
    await_values(block);
    auto const end = block < num_blocks() ? first_of_block(block + 1) : specs_.size();
    for (auto i = first_of_block(block); i < end; ++i) {
        if (is_empty_[i] && !specs_[i].begins_by_product) {
            settle(i);
        }
    }
}

void ParameterTable::settle_gradients() {
    settle_gradients({0, static_cast<std::int64_t>(specs_.size())});
}

void ParameterTable::settle_gradients(Range parameters) {
    for (auto i = index(parameters.begin); i < index(parameters.end); ++i) {
        if (is_empty_[i]) {
            settle(i);
        }
    }
}

void ParameterTable::settle(std::size_t index) {
    fill(gradient(index), 0.0F, Stream{});
    is_empty_[index] = false;
}

template View<float, 1> ParameterTable::values<float>(std::size_t) const;
template View<bf16, 1> ParameterTable::values<bf16>(std::size_t) const;
template View<float, 2> ParameterTable::matrix<float>(std::size_t) const;
template View<bf16, 2> ParameterTable::matrix<bf16>(std::size_t) const;

}  // namespace isogloss
