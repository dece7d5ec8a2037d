// growth/derived_checkpoint.h - a checkpoint made of another one's files and a few new ones.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <string>
#include <vector>

#include "checkpoint/manifest.h"
#include "model/parameters.h"

namespace isogloss {

struct GrowthReport {
    StoredCheckpoint checkpoint;
    std::int32_t new_experts = 0;
    std::int64_t bytes_written = 0;  ///< new experts' files and routers.h5
    std::int64_t bytes_linked = 0;
    std::vector<std::string> warnings;  ///< for the log
};

/// The bytes, in the parameter's own type, of one tensor that is not the parent's.
using TensorMaker = std::function<std::vector<std::byte>(ParameterSpec const&)>;

/// Writes a model of `config` to `to`: files that the parent has are hard links to them, but for
/// routers.h5; what it has not, `make` makes. One process, no MPI. State of the optimizer is not
/// carried over: what it describes has changed its meaning.
///
/// @param config   the parent's, with experts added at the ends of lists, other flags, routers
/// @param options  resolved options of the command, kept in the manifest
/// @throws Error  (usage) when `to` exists; (data) when the parent is damaged; (environment) when
///         the disk is full
GrowthReport derive_checkpoint(
    StoredCheckpoint const& parent,
    ModelConfig const& config,
    std::filesystem::path const& to,
    std::string const& options,
    TensorMaker const& make
);

/// What derive_checkpoint would write, in bytes of tensors (files have some KiB of headers more).
std::int64_t derived_bytes(ModelConfig const& parent, ModelConfig const& config);

/// Why layer `layer`, which is dense, cannot become a mixture of copies that computes the same;
/// empty: it can.
std::string obstacle_to_copies(ModelConfig const& model, std::int32_t layer);

/// The tensor of expert `spec` in the parent's expert that it is a copy of, its hash compared.
std::vector<std::byte> copy_of_parent_expert(
    StoredCheckpoint const& parent, ModelConfig const& config, ParameterSpec const& spec
);

/// Normal numbers of mean 0, a function of (seed, stream, element), as the bytes of a float tensor.
std::vector<std::byte> normal_floats(
    std::int64_t size, double deviation, std::uint64_t seed, std::uint64_t stream
);

}  // namespace isogloss
