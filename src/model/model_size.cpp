// model/model_size.cpp
#include "model/model_size.h"

#include "model/parameters.h"

namespace isogloss {

ModelSize model_size(ModelConfig const& config) {
    ModelSize sizes;
    for (auto const& spec : parameter_specs(config)) {
        auto& part = spec.part == Part::backbone ? sizes.backbone
                     : spec.part == Part::router ? sizes.routers
                                                 : sizes.experts;
        // Experts of a layer have one size, so the K that a token visits are the first K here.
        auto const is_active =
            spec.part != Part::expert || spec.expert < config.choices(spec.layer);
        for (auto* size : {&part, &sizes.all}) {
            size->total += spec.size();
            size->active += is_active ? spec.size() : 0;
            size->trainable += spec.trainable ? spec.size() : 0;
            size->bytes += spec.size() * bytes_of(spec.dtype);
        }
    }
    return sizes;
}

std::int64_t parameter_count(ModelConfig const& config) {
    return model_size(config).all.total;
}

}  // namespace isogloss
