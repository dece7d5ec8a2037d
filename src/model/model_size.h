// model/model_size.h - how many parameters a config makes, part by part; nothing is allocated.
#pragma once

#include <cstdint>

#include "model/config.h"

namespace isogloss {

/// Parameters of one part of a model.
struct PartSize {
    std::int64_t total = 0;
    std::int64_t active = 0;     ///< that one token passes through
    std::int64_t trainable = 0;  ///< that may change
    std::int64_t bytes = 0;      ///< in the parameters' types
};

struct ModelSize {
    PartSize backbone;  ///< embedding, attention, norms, shared experts, head
    PartSize routers;
    PartSize experts;  ///< every feed-forward, those of dense layers too
    PartSize all;
};

/// Sums over parameter_specs(config): exact.
ModelSize model_size(ModelConfig const& config);

/// model_size(config).all.total
std::int64_t parameter_count(ModelConfig const& config);

}  // namespace isogloss
