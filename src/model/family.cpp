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

std::vector<std::string> not_on_gpu(ModelConfig const& config) {
    std::vector<std::string> found;
    if (config.family.position == PositionKind::alibi) {
        found.emplace_back("model.position = alibi: attention there knows no distances");
    }
    if (config.family.qk_norm) {
        found.emplace_back("model.qk-norm = true: there is no norm of heads there");
    }
    return found;
}

ModelConfig const& served_on(Device device, ModelConfig const& config) {
    if (device == Device::cuda) {
        auto const found = not_on_gpu(config);
        require_usage(
            found.empty(), "this model cannot be run on a GPU; use --device cpu:\n    {}",
            fmt::join(found, "\n    ")
        );
    }
    return config;
}

}  // namespace isogloss
