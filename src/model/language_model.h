// model/language_model.h - a whole model on the ranks of a job: forward, backward, losses.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "corpus/batch.h"
#include "model/config.h"
#include "model/parameters.h"
#include "model/pass.h"
#include "model/token_memory.h"
#include "moe/placement.h"

namespace isogloss {

/// Seconds of one pass by phase, in order of the step; for `bench step` and the metrics.
using PhaseSeconds = std::vector<std::pair<std::string, double>>;

class LanguageModel {
public:
    struct Settings {
        Device device = Device::cpu;
        bool recompute = false;  ///< keep only block inputs and run each block's forward again
    };

    /// Collective over `world`. Parameters are zero until initialised or loaded.
    LanguageModel(
        ModelConfig const& config,
        Placement const& placement,
        MpiComm const& world,
        Settings const& settings
    );
    ~LanguageModel();
    LanguageModel(LanguageModel&&) noexcept;
    LanguageModel& operator=(LanguageModel&&) noexcept;

    [[nodiscard]] ModelConfig const& config() const;
    [[nodiscard]] ParameterTable& parameters();
    [[nodiscard]] ParameterTable const& parameters() const;

    /// Forward and backward of one micro-batch: adds to the gradients of this rank's parameters
    /// its share of the gradient of
    ///     sum of token losses / counted_targets + sum of coefficient * loss over options.losses.
    /// Nothing is detached: the routers' losses reach the layers below them.
    /// Collective over the world: every rank calls it, with an empty batch if it has no rows.
    PassResult train(Batch const& batch, PassOptions const& options);

    /// Forward only. Adds to `sums` what the feed-forwards of this rank's tokens took in, unless it
    /// is null. Collective over the world.
    PassResult evaluate(
        Batch const& batch, PassRouting const& routing = {}, HiddenSums* sums = nullptr
    );

    /// Scores of what follows the tokens `wanted`, indices into the batch: [wanted][V], in float.
    ///
    /// Row r goes on with sequence r of `memory`, one row a sequence. The first pass begins them:
    /// positions from 0, one document a row, shorter ones padded; a classifier that decides about
    /// sequences does so then, by the tokens up to the last counted target, for all that follows.
    /// Collective over the world.
    std::vector<float> continue_rows(
        Batch const& batch,
        PassRouting const& routing,
        std::span<std::int32_t const> wanted,
        TokenMemory& memory
    );

    /// Of the last pass.
    [[nodiscard]] PhaseSeconds phase_seconds() const;
    /// Highest bytes of activations so far.
    [[nodiscard]] std::int64_t activation_bytes() const;
    /// Blocks of memory that were made for activations so far: constant in the steady state.
    [[nodiscard]] std::int64_t activation_blocks() const;

private:
    struct Parts;
    std::unique_ptr<Parts> parts_;
};

/// Random weights: normal with deviation 0.02, output projections (attention.output, experts' down)
/// scaled by 1/sqrt(2 layers); gains 1 (those
/// stored as the difference from 1: 0), biases 0. A function of (seed, parameter name, element), so
/// equal on any number of ranks; an expert starts from its own name unless it has a parent.
void initialise(ParameterTable& parameters, ModelConfig const& config, std::uint64_t seed);

}  // namespace isogloss
