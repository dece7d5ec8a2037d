// model/token_memory.cpp
#include "model/token_memory.h"

#include "base/require.h"

namespace isogloss {

TokenMemory::TokenMemory(ModelConfig const& config, std::int64_t sequences, std::int64_t capacity)
    : sequences_(sequences),
      capacity_(capacity),
      kept_width_(2 * config.num_kv_heads * config.head_width),
      width_(config.width) {
    require_usage(
        capacity <= config.max_positions,
        "sequences of {} tokens; the model takes at most model.max_positions = {}", capacity,
        config.max_positions
    );
    for (std::size_t i = 0; i < config.layers.size(); ++i) {
        keys_values_.emplace_back(
            Device::cpu, sequences * capacity * kept_width_ * bytes_of(config.dtype)
        );
        class_sums_.emplace_back(Device::cpu, sequences * width_);
    }
}

std::int64_t TokenMemory::bytes() const {
    std::int64_t total = 0;
    for (std::size_t i = 0; i < keys_values_.size(); ++i) {
        total += keys_values_[i].bytes() + class_sums_[i].size() * 4;
    }
    return total;
}

}  // namespace isogloss
