// model/language_groups.cpp
#include "model/language_groups.h"

#include <algorithm>

#include "base/require.h"

namespace isogloss {
namespace {

constexpr std::int32_t kNone = -1;

bool lists(std::string_view group, std::string_view tag) {
    while (!group.empty()) {
        auto const comma = group.find(',');
        auto item = group.substr(0, comma);
        item.remove_prefix(std::min(item.find_first_not_of(' '), item.size()));
        item = item.substr(0, item.find_last_not_of(' ') + 1);
        if (item == tag) {
            return true;
        }
        group = comma == std::string_view::npos ? std::string_view{} : group.substr(comma + 1);
    }
    return false;
}

std::int32_t expert_in_layer(LayerConfig const& layer, std::string_view tag, std::size_t place) {
    auto found = kNone;
    for (std::int32_t e = 0; e < layer.num_experts(); ++e) {
        if (!lists(layer.experts[static_cast<std::size_t>(e)].group, tag)) {
            continue;
        }
        require_usage(
            found == kNone,
            "hard routing: layer {} has {} in the groups of experts {} and {}; a language belongs "
            "to one expert",
            place, tag, found, e
        );
        found = e;
    }
    require_usage(
        found != kNone,
        "hard routing: no expert of layer {} has {} in its group; give the languages of each "
        "expert when it is made (upcycle, expand apply), or use soft routing",
        place, tag
    );
    return found;
}

}  // namespace

std::int32_t hard_expert_of(ModelConfig const& config, std::string_view tag) {
    auto expert = kNone;
    std::size_t first = 0;
    for (std::size_t i = 0; i < config.layers.size(); ++i) {
        if (!config.layers[i].has_router()) {
            continue;
        }
        auto const its = expert_in_layer(config.layers[i], tag, i);
        if (expert == kNone) {
            expert = its;
            first = i;
        }
        require_usage(
            its == expert,
            "hard routing: {} belongs to expert {} in layer {}, to expert {} in layer {}; a "
            "language must have the same expert in every layer",
            tag, expert, first, its, i
        );
    }
    require_usage(
        expert != kNone,
        "hard routing of {}: the model has no layer with more than one expert; make one with "
        "upcycle",
        tag
    );
    return expert;
}

}  // namespace isogloss
