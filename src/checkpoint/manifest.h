// checkpoint/manifest.h - what a checkpoint holds: manifest.json as plain data.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "device/view.h"
#include "model/config.h"

namespace isogloss {

/// The checkpoint that another one was made from.
struct ParentRecord {
    std::string path;             ///< as it was given then; text for people, never opened
    std::string manifest_sha256;  ///< of its manifest.json

    bool operator==(ParentRecord const&) const = default;
};

/// What the maker of a checkpoint says about it.
struct CheckpointInfo {
    std::int64_t step = 0;         ///< steps of the run that wrote it; 0: created or grown
    std::int64_t tokens_seen = 0;  ///< trained on so far, all ancestors included
    /// Updates of the stored optimizer state; -1: none is stored, the next run starts it afresh.
    std::int64_t optimizer_step = -1;
    std::string tokenizer_kind;          ///< "bytes", "sentencepiece", "huggingface"
    std::string tokenizer_sha256;        ///< identity of the tokenizer
    std::int32_t separator = -1;         ///< token that begins documents; -1: nobody has said yet
    std::vector<std::string> languages;  ///< BCP 47 tags trained on so far, in order of arrival
    std::string options;                 ///< resolved options of the run, as INI text
    std::optional<ParentRecord> parent;

    bool operator==(CheckpointInfo const&) const = default;
};

/// One tensor: a parameter, or state of the optimizer ("NAME/m", "NAME/v", "NAME/master").
struct TensorRecord {
    std::string name;
    std::vector<std::int64_t> shape;
    DType dtype = DType::f32;
    std::string shard;   ///< file that holds it, under its own name
    std::string sha256;  ///< of its bytes, row-major, little-endian

    [[nodiscard]] std::int64_t bytes() const;
    bool operator==(TensorRecord const&) const = default;
};

/// One file beside the manifest.
struct ShardRecord {
    std::string file;  ///< a plain name, no folder
    std::int64_t bytes = 0;
    std::string sha256;

    bool operator==(ShardRecord const&) const = default;
};

struct Manifest {
    CheckpointInfo info;
    ModelConfig config;
    std::vector<TensorRecord> tensors;
    std::vector<ShardRecord> shards;
    std::int64_t bytes_written = 0;  ///< of shards that were written for this checkpoint
    std::int64_t bytes_linked = 0;   ///< of shards that are another name of an ancestor's file

    [[nodiscard]] TensorRecord const* tensor(std::string_view name) const;  ///< null: none
    [[nodiscard]] ShardRecord const* shard(std::string_view file) const;    ///< null: none
    /// The tensors that `file` holds, in the manifest's order.
    [[nodiscard]] std::vector<TensorRecord const*> tensors_of(std::string_view file) const;
    [[nodiscard]] bool has_optimizer_state() const { return info.optimizer_step >= 0; }

    bool operator==(Manifest const&) const = default;
};

/// A checkpoint on disk.
struct StoredCheckpoint {
    std::filesystem::path folder;
    Manifest manifest;
    std::string manifest_sha256;
};

/// Text of manifest.json: equal manifests give equal bytes.
std::string manifest_text(Manifest const& manifest);

/// @param source  named in the errors
/// @throws Error  (data) with every fault: values of the wrong kind, a config that breaks its
///         rules, tensors that are missing, unknown, doubled or of another shape or type than the
///         config says, file names that are no plain names, sizes and hashes that cannot be
Manifest parse_manifest(std::string_view text, std::string const& source);

/// Reads FOLDER/manifest.json and compares the size of every shard with what it says.
/// @throws Error  (data) with every fault, each with its file
StoredCheckpoint read_checkpoint(std::filesystem::path const& folder);

/// A name without folder parts or control characters, as every file of a checkpoint has.
bool is_plain_file_name(std::string_view name);

}  // namespace isogloss
