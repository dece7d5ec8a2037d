// model/pass.h - what a pass over one micro-batch is asked for, and what it says.
#pragma once

#include <cstdint>
#include <vector>

#include "moe/router_losses.h"
#include "moe/routing.h"

namespace isogloss {

class Optimizer;

/// What is known about the rows of a micro-batch by their languages: [B] each, or empty where
/// nobody asks.
struct RowLabels {
    /// The expert of hard routing and the label of the classification loss; -1: none.
    std::vector<std::int32_t> expert = {};
    /// 1: an original language, for priors and classifiers; 0: another; -1: not counted.
    std::vector<std::int32_t> is_old = {};
};

/// What a classifier's class 1 may choose among.
enum class ClassOneExperts : std::uint8_t {
    all,
    older,  ///< those before the newest generation
};

/// How a pass routes tokens. All but the rows' labels is the same on every rank.
struct PassRouting {
    RoutingMode mode = RoutingMode::top_k;
    bool classify = false;  ///< layers with a classifier ask it; in hard mode they never do
    ClassOneExperts class_one = ClassOneExperts::all;
    RowLabels rows = {};
};

/// What a training pass does besides the model's own mathematics. Counts are of the whole global
/// batch, whatever part of it the micro-batch is: losses are means over them, and a loss whose
/// count is 0 is 0. A target kNoTarget counts nowhere.
struct PassOptions {
    double counted_targets = 1.0;   ///< the language model's loss is a mean over these
    double labelled_targets = 0.0;  ///< of those, in rows whose RowLabels::expert is not -1
    double old_targets = 0.0;       ///< of those, in rows whose is_old is 1
    /// With a counted target and an is_old that is not -1: a classifier's loss is a mean over
    /// these; one that decides token by token has a mean over `counted_targets`.
    double rows = 0.0;
    PassRouting routing = {};
    RouterLossWeights losses = {};
    /// In the last pass of a step: who begins to reduce gradients over ranks as soon as they are
    /// complete, while the pass goes on to the others. Null: nobody.
    Optimizer* optimizer = nullptr;
};

/// What one micro-batch says, this rank's rows only (the caller sums over ranks).
struct PassResult {
    std::vector<double> row_loss;           ///< [B] sum of the token losses of each row, nats
    std::vector<std::int64_t> row_targets;  ///< [B] counted targets of each row
    double balance_loss = 0.0;  ///< mean over the routed layers, of the global micro-batch
    /// Without coefficients, already divided by the global counts: a sum over ranks and
    /// micro-batches is the batch's mean. Only of losses whose coefficient is not 0.
    RouterLossValues losses;
    std::vector<std::vector<std::int64_t>>
        expert_tokens;                          ///< [layer][expert] choices, empty: no router
    std::vector<ClassifierCounts> classifiers;  ///< [layer], zeros where no classifier was asked
};

/// Sums of the feed-forwards' inputs as directions, for similarities of languages: x / |x|, in
/// double, so that passes may be added up. LayerMoE, arXiv:2505.22582.
struct HiddenSums {
    std::vector<double> unit_sum;  ///< [layer][D] over counted tokens; a zero vector adds nothing
    std::int64_t tokens = 0;       ///< counted: those whose target is not kNoTarget
};

}  // namespace isogloss
