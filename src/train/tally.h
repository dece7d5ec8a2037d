// train/tally.h - what one step's passes said, summed over micro-batches and then over ranks.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/json.h"
#include "comm/mpi_comm.h"
#include "corpus/batch.h"
#include "model/config.h"
#include "model/language_model.h"

namespace isogloss {

/// Sums of one step. Flat lists of the same length on every rank, so that one collective adds all.
class StepTally {
public:
    /// @param languages  tags in the order of Batch::language
    StepTally(ModelConfig const& config, std::vector<std::string> languages);

    void clear();
    void add(Batch const& batch, PassResult const& pass);
    /// Collective: sums over the ranks of `group`.
    void reduce(MpiComm const& group);

    /// Mean loss a counted target, nats, over all languages. 0 without targets.
    [[nodiscard]] double loss() const;
    [[nodiscard]] double targets() const;
    /// Mean over micro-batches and routed layers.
    [[nodiscard]] double balance_loss() const;
    /// Means over the step of the routers' other losses, without their coefficients; 0 where the
    /// run does not ask for them.
    [[nodiscard]] RouterLossValues router_losses() const;
    /// Share of the classifiers' labelled decisions that were right; 0 without any.
    [[nodiscard]] double classifier_accuracy() const;
    /// Largest expert's tokens over the mean, worst layer; 1 is balance. 0 without routers.
    [[nodiscard]] double imbalance() const;

    /// {"el": 3.1, ...}, languages of this step only.
    [[nodiscard]] Json language_loss() const;
    /// {"3": [share of each expert], ...}, routed layers only.
    [[nodiscard]] Json expert_shares() const;
    /// Tags of the languages in this step, for messages: "el, tr".
    [[nodiscard]] std::string languages_seen() const;

private:
    std::vector<std::string> languages_;
    std::vector<std::int32_t> experts_;  // [layer], 0 without a router
    std::vector<double> loss_;           // [language]
    std::vector<double> targets_;        // [language]
    std::vector<double> expert_tokens_;  // [layer][expert], flat
    std::vector<double> router_;         // sums of losses and decisions, see tally.cpp
    double balance_sum_ = 0.0;           // the same on every rank
    std::int64_t passes_ = 0;
};

}  // namespace isogloss
