// checkpoint/hugging_face_export.h - a checkpoint becomes a folder that transformers loads.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "checkpoint/hugging_face_form.h"
#include "checkpoint/manifest.h"
#include "comm/mpi_comm.h"

namespace isogloss {

struct ExportRequest {
    StoredCheckpoint from;
    std::filesystem::path to;
    ForeignForm form = ForeignForm::isogloss;
    std::int64_t shard_bytes = 5'000'000'000;  ///< most bytes of tensors in a file of several
    /// Folder with tokenizer.json or tokenizer.model, whose files are copied; empty: none are.
    std::filesystem::path tokenizer;
};

struct ExportResult {
    std::vector<std::string> files;  ///< in the folder; on rank 0
    std::int64_t tensors = 0;
    std::int64_t tensor_bytes = 0;
    /// Routers whose values bf16 has not: stored as F32 in a model of bf16.
    std::vector<std::string> float_routers;
};

/// Writes safetensors, config.json, the tokenizer's files and, for the form isogloss, the modelling
/// files. Each file of weights is written by one rank, one parameter in memory at a time, its hash
/// compared. The folder exists whole or not at all. Collective over `world`; all return, with the
/// same result, or all throw.
/// @throws Error  (usage) when `to` exists or the form has obstacles; (data) when the checkpoint is
///         damaged or the tokenizer is another; (environment)
ExportResult export_hugging_face(ExportRequest const& request, MpiComm const& world);

}  // namespace isogloss
