// model/language_groups.h - which expert belongs to a language.
#pragma once

#include <cstdint>
#include <string_view>

#include "model/config.h"

namespace isogloss {

/// The expert that hard routing sends a language to: the one whose group lists its tag, the same in
/// every layer that has a router.
/// @throws Error  (usage) naming tag and layer, when no expert lists it, when several do, or when
///                layers differ
std::int32_t hard_expert_of(ModelConfig const& config, std::string_view tag);

}  // namespace isogloss
