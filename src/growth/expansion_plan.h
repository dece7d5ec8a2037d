// growth/expansion_plan.h - one round of expansion: which layers get how many experts.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "checkpoint/manifest.h"
#include "model/config.h"

namespace isogloss {

/// Of a layer: three digits name an expert's file.
inline constexpr std::int64_t kMostExperts = 999;

/// What becomes of the routers of the layers that grow.
enum class RouterGrowth : std::uint8_t {
    keep,      ///< rows of old experts keep their bits, rows of new ones are drawn
    fresh,     ///< all rows are drawn (LayerMoE, arXiv:2505.22582)
    copy_row,  ///< as keep, but a new expert's row is that of its source (DMoE, arXiv:2506.12388)
};

/// What a classifier that a layer has already starts from.
enum class ClassifierGrowth : std::uint8_t { keep, fresh };

/// Classifiers after an expansion (LayerMoE, arXiv:2505.22582).
struct ClassifierPlan {
    std::vector<std::int32_t> layers = {};  ///< that have one; the others have none
    ClassifierSpan span = ClassifierSpan::sequence;
    ClassifierGrowth old = ClassifierGrowth::keep;
};

struct ExpansionPlan {
    struct Layer {
        std::int32_t layer = 0;          ///< index of the block, 0 is nearest the embedding
        std::int32_t new_experts = 0;    ///< may be 0
        std::int32_t source_expert = 0;  ///< whose weights the new experts start from
    };
    std::vector<Layer> layers;           ///< may be empty where only classifiers change
    std::vector<std::string> languages;  ///< BCP 47 tags of the languages to learn
    RouterGrowth router = RouterGrowth::keep;
    std::optional<ClassifierPlan> classifiers;  ///< nothing: every layer keeps what it has
    /// Deviation of the normal noise that is added to new experts, in units of the tensor's root
    /// mean square. 0 gives exact copies.
    float noise = 0.0F;
    std::uint64_t seed = 0;
};

/// Every rule the plan breaks for this model, one sentence each. Empty means valid.
std::vector<std::string> problems(ExpansionPlan const& plan, ModelConfig const& model);

/// Languages of the plan that the model has already, by the text it was trained on or by the groups
/// of its experts: one sentence each.
std::vector<std::string> known_languages(
    std::vector<std::string> const& languages, CheckpointInfo const& info, ModelConfig const& model
);
/// @param source  named in the error: the checkpoint's folder
/// @throws Error  (usage) with all of known_languages(), unless there are none
void require_new_languages(
    std::vector<std::string> const& languages, Manifest const& old, std::string const& source
);

/// The model after the plan: new experts at the ends of the layers' lists, of the next generation,
/// trainable; everything that was there before frozen; routers trainable. A plan without new
/// experts leaves the flags of backbone and experts as they are.
ModelConfig grown_config(ModelConfig const& model, ExpansionPlan const& plan);

}  // namespace isogloss
