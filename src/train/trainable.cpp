// train/trainable.cpp - the part of train/config.h that says which parameters move.
#include "base/require.h"
#include "train/config.h"

namespace isogloss {

void apply_trainable(std::string const& rule, ModelConfig& model) {
    if (rule == "stored") {
        return;
    }
    bool const all = rule == "all";
    bool const with_routers = all || rule == "experts" || rule == "new-experts" ||
                              rule == "experts-and-routers" || rule == "routers";
    require_usage(
        with_routers || rule == "backbone",
        "train.trainable = {}: must be stored, all, experts, new-experts, experts-and-routers, "
        "routers or backbone",
        rule
    );
    auto const newest = model.newest_generation();
    require_usage(
        rule != "new-experts" || newest > 0,
        "train.trainable = new-experts: the model has no experts of a later generation; add some "
        "with `expand apply` or `upcycle`, or train experts-and-routers"
    );
    model.backbone_trainable = all || rule == "backbone";
    model.routers_trainable = with_routers;
    for (auto& layer : model.layers) {
        for (auto& expert : layer.experts) {
            expert.trainable = all || rule == "experts-and-routers" ||
                               (rule == "experts" && expert.trainable) ||
                               (rule == "new-experts" && expert.generation == newest);
        }
    }
}

}  // namespace isogloss
