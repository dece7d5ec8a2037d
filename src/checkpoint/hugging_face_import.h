// checkpoint/hugging_face_import.h - a folder of transformers becomes a checkpoint.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "checkpoint/hugging_face_config.h"
#include "checkpoint/manifest.h"
#include "comm/mpi_comm.h"

namespace isogloss {

struct ImportRequest {
    std::filesystem::path from;         ///< folder with config.json and safetensors
    std::filesystem::path to;           ///< the checkpoint
    std::optional<DType> dtype;         ///< of its weights; nothing: as in the files
    std::vector<std::string> ignore;    ///< fields of config.json nothing is known about
    std::int64_t tokenizer_tokens = 0;  ///< ids that the model must have
    CheckpointInfo info;                ///< tokenizer, languages and options of it
};

struct ImportResult {
    StoredCheckpoint checkpoint;
    ForeignModel model;
    std::vector<std::string> ignored_tensors;  ///< each of no use to the model
};

/// Every tensor of the files is used, or is known to be of no use and named; every parameter is
/// filled. Each rank reads the tensors of the files that it writes, a million elements at a time.
/// Collective over `world`; all return, with the same result, or all throw.
/// @throws Error  (data) with every fault of config.json, or every tensor that is missing, unknown,
///         of another shape, or of another type than the rest; (usage); (environment)
ImportResult import_hugging_face(ImportRequest const& request, MpiComm const& world);

}  // namespace isogloss
