// tests/support/reference_task.h - what the reference model is given, asked for, and says.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

namespace isogloss::test {

/// Rows of the global batch, row after row.
struct ReferenceBatch {
    std::int64_t rows = 0;
    std::int64_t row_length = 0;
    std::vector<std::int32_t> tokens;
    std::vector<std::int32_t> targets;  ///< -1: does not count
    std::vector<std::int32_t> position;
    std::vector<std::int32_t> document_start;

    [[nodiscard]] std::size_t size() const { return tokens.size(); }
};

/// What a run is asked for. Losses are means over this batch; 0: not asked.
struct ReferenceTask {
    double counted = 1.0;  ///< the language model's loss is divided by it
    double balance = 0.0;
    double balance_scale = 1.0;  ///< what a balanced layer's loss is
    bool is_hard = false;
    bool classify = false;
    bool class_one_is_older = false;
    std::vector<std::int32_t> expert{};  ///< [row] hard expert and label; -1: none
    std::vector<std::int32_t> is_old{};  ///< [row] 1, 0; -1: not counted
    double classification = 0.0;
    double priors = 0.0;
    bool priors_as_released = false;
    bool priors_by_buckets = false;
    double classifier = 0.0;
};

template <class S>
using Parameters = std::map<std::string, std::vector<S>>;

template <class S>
struct ReferenceResult {
    S objective = S(0.0);  ///< sum of losses / counted + sum of coefficient * loss
    double classification_loss = 0.0;
    double priors_loss = 0.0;
    double classifier_loss = 0.0;
    std::int64_t decisions = 0;  ///< of all classifiers, labelled
    std::int64_t correct = 0;
    std::vector<double> row_loss;
    double balance_loss = 0.0;
    std::vector<std::vector<std::int64_t>> expert_tokens;
    double smallest_margin = 1e9;  ///< between the last chosen and the first not chosen expert
};

}  // namespace isogloss::test
