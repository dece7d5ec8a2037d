// model/family.cpp
#include "model/family.h"

#include <fmt/format.h>

#include "base/require.h"
#include "model/config.h"

namespace isogloss {

std::string name_of(NormKind kind) {
    switch (kind) {
        case NormKind::rms: return "rms";
        case NormKind::rms_offset: return "rms-offset";
        case NormKind::layer: return "layer";
    }
    return "";
}

std::string name_of(PositionKind kind) {
    return kind == PositionKind::rotary ? "rotary" : "alibi";
}

std::string name_of(FeedForwardKind kind) {
    switch (kind) {
        case FeedForwardKind::swiglu: return "swiglu";
        case FeedForwardKind::geglu: return "geglu";
        case FeedForwardKind::gelu: return "gelu";
    }
    return "";
}

std::vector<std::string> not_buildable(ModelConfig const& config) {
    Family const supported;
    auto const& family = config.family;
    std::vector<std::string> found;
    auto const compare = [&](char const* key, std::string const& value, std::string const& other) {
        if (value != other) {
            found.push_back(fmt::format(
                "model.{} = {}: can be counted, not yet built or trained; use {}", key, value, other
            ));
        }
    };
    auto const text = [](bool value) { return std::string(value ? "true" : "false"); };
    compare("norm", name_of(family.norm), name_of(supported.norm));
    compare("position", name_of(family.position), name_of(supported.position));
    compare("feed-forward", name_of(family.feed_forward), name_of(supported.feed_forward));
    compare("embedding-norm", text(family.embedding_norm), text(supported.embedding_norm));
    compare("linear-bias", text(family.linear_bias), text(supported.linear_bias));
    compare("qk-norm", text(family.qk_norm), text(supported.qk_norm));
    compare("embedding-scale", text(family.embedding_scale), text(supported.embedding_scale));
    compare(
        "rope-scaling", name_of(config.rope_scaling.kind), name_of(ModelConfig{}.rope_scaling.kind)
    );
    return found;
}

void require_buildable(ModelConfig const& config) {
    auto const found = not_buildable(config);
    require_usage(
        found.empty(), "this model cannot be built:\n    {}\n--dry-run counts its parameters",
        fmt::join(found, "\n    ")
    );
}

ModelConfig const& buildable(ModelConfig const& config) {
    require_buildable(config);
    return config;
}

}  // namespace isogloss
