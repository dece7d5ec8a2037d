// train/tally.cpp
#include "train/tally.h"

#include <algorithm>
#include <numeric>

#include "comm/collective.h"

namespace isogloss {
namespace {

enum RouterSum : std::size_t { kClassification, kPriors, kClassifier, kCorrect, kDecisions, kSums };

}  // namespace

StepTally::StepTally(ModelConfig const& config, std::vector<std::string> languages)
    : languages_(std::move(languages)),
      loss_(languages_.size()),
      targets_(languages_.size()),
      router_(kSums) {
    for (auto const& layer : config.layers) {
        experts_.push_back(layer.has_router() ? layer.num_experts() : 0);
    }
    expert_tokens_.resize(
        static_cast<std::size_t>(std::accumulate(experts_.begin(), experts_.end(), 0))
    );
}

void StepTally::clear() {
    std::ranges::fill(loss_, 0.0);
    std::ranges::fill(targets_, 0.0);
    std::ranges::fill(expert_tokens_, 0.0);
    std::ranges::fill(router_, 0.0);
    balance_sum_ = 0.0;
    passes_ = 0;
}

void StepTally::add(Batch const& batch, PassResult const& pass) {
    for (std::size_t row = 0; row < pass.row_loss.size(); ++row) {
        auto const language = static_cast<std::size_t>(batch.language.at(row));
        loss_.at(language) += pass.row_loss[row];
        targets_[language] += static_cast<double>(pass.row_targets[row]);
    }
    auto tokens = expert_tokens_.begin();
    for (std::size_t layer = 0; layer < experts_.size(); ++layer) {
        for (std::int32_t e = 0; e < experts_[layer]; ++e) {
            *tokens++ +=
                static_cast<double>(pass.expert_tokens[layer][static_cast<std::size_t>(e)]);
        }
    }
    router_[kClassification] += pass.losses.classification;
    router_[kPriors] += pass.losses.priors;
    router_[kClassifier] += pass.losses.classifier;
    for (auto const& layer : pass.classifiers) {
        router_[kCorrect] += static_cast<double>(layer.correct);
        router_[kDecisions] += static_cast<double>(layer.decisions);
    }
    balance_sum_ += pass.balance_loss;
    ++passes_;
}

void StepTally::reduce(MpiComm const& group) {
    std::vector<double> all;
    for (auto const* part : {&loss_, &targets_, &expert_tokens_, &router_}) {
        all.insert(all.end(), part->begin(), part->end());
    }
    sum_over(all, group);
    auto next = all.begin();
    for (auto* part : {&loss_, &targets_, &expert_tokens_, &router_}) {
        std::copy_n(next, part->size(), part->begin());
        next += static_cast<std::ptrdiff_t>(part->size());
    }
}

double StepTally::targets() const {
    return std::accumulate(targets_.begin(), targets_.end(), 0.0);
}

double StepTally::loss() const {
    auto const counted = targets();
    return counted > 0.0 ? std::accumulate(loss_.begin(), loss_.end(), 0.0) / counted : 0.0;
}

double StepTally::balance_loss() const {
    return passes_ > 0 ? balance_sum_ / static_cast<double>(passes_) : 0.0;
}

RouterLossValues StepTally::router_losses() const {
    return {
        .classification = router_[kClassification],
        .priors = router_[kPriors],
        .classifier = router_[kClassifier]};
}

double StepTally::classifier_accuracy() const {
    return router_[kDecisions] > 0.0 ? router_[kCorrect] / router_[kDecisions] : 0.0;
}

double StepTally::imbalance() const {
    double worst = 0.0;
    auto next = expert_tokens_.begin();
    for (auto const experts : experts_) {
        if (experts > 0) {
            auto const end = next + experts;
            auto const total = std::accumulate(next, end, 0.0);
            if (total > 0.0) {
                worst = std::max(worst, *std::max_element(next, end) * experts / total);
            }
            next = end;
        }
    }
    return worst;
}

Json StepTally::language_loss() const {
    Json losses = Json::object();
    for (std::size_t i = 0; i < languages_.size(); ++i) {
        if (targets_[i] > 0.0) {
            losses[languages_[i]] = loss_[i] / targets_[i];
        }
    }
    return losses;
}

Json StepTally::expert_shares() const {
    Json shares = Json::object();
    auto next = expert_tokens_.begin();
    for (std::size_t layer = 0; layer < experts_.size(); ++layer) {
        auto const end = next + experts_[layer];
        auto const total = std::max(1.0, std::accumulate(next, end, 0.0));
        Json list = Json::array();
        for (; next != end; ++next) {
            list.push_back(*next / total);
        }
        if (!list.empty()) {
            shares[std::to_string(layer)] = std::move(list);
        }
    }
    return shares;
}

std::string StepTally::languages_seen() const {
    std::string seen;
    for (std::size_t i = 0; i < languages_.size(); ++i) {
        if (targets_[i] > 0.0) {
            seen += (seen.empty() ? "" : ", ") + languages_[i];
        }
    }
    return seen;
}

}  // namespace isogloss
