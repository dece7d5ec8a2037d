// growth/grow.h - from a checkpoint to a larger one, whose old files stay as they are.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>

#include "growth/derived_checkpoint.h"
#include "growth/expansion_plan.h"

namespace isogloss {

/// Reads the checkpoint `from`, writes the grown one to `to`. A pure function of both and of the
/// plan; one process, no MPI.
///
/// Written are one file a new expert (a copy of its source; sparse upcycling, arXiv:2212.05055) and
/// routers.h5, no more: backbone and old experts are hard links to the files of `from`, and are
/// frozen from now on. Rows of routers are drawn from a normal of deviation sqrt(2 / (D + E)), E
/// experts of the layer after growth (Xavier; LayerMoE, arXiv:2505.22582), those of classifiers
/// likewise with their classes. A layer that had one expert gets its router here. Because all
/// experts that a dense layer grows into are equal and the gates of a token sum to 1, its output
/// does not change; where gates are probabilities as they are, such a layer may not grow. Shared
/// experts stay in the layers that have one.
///
/// State of the optimizer is not carried over: what it describes is frozen now.
///
/// @param options  resolved options of the command, kept in the manifest
/// @throws Error  (usage) with every fault of the plan, a language that the model has already, or
///         when `to` exists; (data) when `from` is damaged; (environment) when the disk is full
GrowthReport grow(
    std::filesystem::path const& from,
    ExpansionPlan const& plan,
    std::filesystem::path const& to,
    std::string const& options = {}
);

/// What grow would write, in bytes of tensors (the files have some KiB of headers more).
std::int64_t growth_bytes(ModelConfig const& model, ExpansionPlan const& plan);

}  // namespace isogloss
