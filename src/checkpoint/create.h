// checkpoint/create.h - a checkpoint of a model with random weights: where a base run begins.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>

#include "checkpoint/save.h"
#include "comm/mpi_comm.h"
#include "model/config.h"

namespace isogloss {

struct NewModel {
    ModelConfig config;
    std::string tokenizer_kind;
    std::string tokenizer_sha256;
    std::int32_t separator = -1;  ///< token that begins documents; -1: not known
    std::string options;          ///< resolved options of the command, kept in the manifest
    std::uint64_t seed = 0;
};

/// Writes `folder` with the weights of initialise(), at step 0, without optimizer state. The same
/// bytes on any number of ranks. Collective over `world`.
/// @throws Error  (usage) when the config breaks its rules or `folder` exists; (environment)
SaveResult create_checkpoint(
    std::filesystem::path const& folder, NewModel const& model, MpiComm const& world
);

}  // namespace isogloss
