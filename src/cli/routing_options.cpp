// cli/routing_options.cpp
#include "cli/routing_options.h"

#include <algorithm>

namespace isogloss {

void describe(Options& options, AskClassifiers& classifiers) {
    options.add_choice(
        "classifiers", classifiers,
        {{"auto", AskClassifiers::automatic}, {"off", AskClassifiers::off}},
        "ask the classifiers of layers that have one, with soft routing"
    );
}

void describe(Options& options, PassRouting& routing, AskClassifiers& classifiers) {
    options.add_choice(
        "routing", routing.mode, {{"soft", RoutingMode::top_k}, {"hard", RoutingMode::hard}},
        "by the routers, or a language to the expert whose group lists it"
    );
    describe(options, classifiers);
    options.add_choice(
        "class-one-experts", routing.class_one,
        {{"all", ClassOneExperts::all}, {"old", ClassOneExperts::older}},
        "what class 1 may choose among: all, or those before the newest generation"
    );
}

bool asks_classifiers(AskClassifiers classifiers, RoutingMode mode, ModelConfig const& model) {
    return classifiers == AskClassifiers::automatic && mode == RoutingMode::top_k &&
           std::ranges::any_of(model.layers, &LayerConfig::has_classifier);
}

}  // namespace isogloss
