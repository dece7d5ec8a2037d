// growth/upcycle.h - from a dense checkpoint to one with an expert a group of languages.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "growth/derived_checkpoint.h"

namespace isogloss {

/// What trains after upcycling.
enum class UpcycleTraining : std::uint8_t {
    all,                  ///< the whole model (DMoE)
    experts_and_routers,  ///< of the layers that were chosen
};

struct UpcyclePlan {
    std::vector<std::int32_t> layers;              ///< that become mixtures, ascending
    std::vector<std::vector<std::string>> groups;  ///< languages of expert 0, 1, ...
    double router_deviation = 0.02;                ///< of the normal that routers are drawn from
    std::int32_t top_k = 2;                        ///< experts a token visits, soft routing
    std::uint64_t seed = 0;
    UpcycleTraining training = UpcycleTraining::all;
};

/// Every rule the plan breaks for this model, one sentence each. Empty means valid.
std::vector<std::string> problems(UpcyclePlan const& plan, ModelConfig const& model);

/// The model after the plan: the chosen layers have one expert a group, each with the group's
/// languages ("ru,uk") and all of generation 0; the other layers stay as they are.
///
///     parameters = dense + (E - 1) L_moe F_expert + L_moe E D
ModelConfig upcycled_config(ModelConfig const& model, UpcyclePlan const& plan);

/// Reads the dense checkpoint `from`, writes the mixture to `to`: every expert of a chosen layer is
/// an exact copy of its feed-forward, its router [E, D] is drawn from N(0, router_deviation^2)
/// (DMoE, arXiv:2506.12388; sparse upcycling, arXiv:2212.05055). Expert 0 and all else are hard
/// links to the old files. All experts of a layer are equal and gates sum to 1, so the function
/// does not change. One process, no MPI.
///
/// @throws Error  (usage) with every fault of the plan, or when `to` exists; (data) when `from` is
///         damaged; (environment) when the disk is full
GrowthReport upcycle(
    std::filesystem::path const& from,
    UpcyclePlan const& plan,
    std::filesystem::path const& to,
    std::string const& options = {}
);

}  // namespace isogloss
