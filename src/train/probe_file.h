// train/probe_file.h - what a short fine-tune on one language moved, as a file.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "base/json.h"

namespace isogloss {

/// How far the weights of each layer moved: || after - before || over all weights of a kind, biases
/// and gains not counted.
struct DeviationNorms {
    std::vector<double> ffn;        ///< [layer] the feed-forward's matrices
    std::vector<double> attention;  ///< [layer] the attention's matrices
};

/// TAG.h5 of one language:
///
///     /            attribute "probe": JSON text with "fingerprint", "delta_norm_ffn",
///                  "delta_norm_att" and "loss" (of the first and the last step, nats a token)
///     deviation    [n] f32, after - before of the feed-forwards' matrices of the last layers
struct ProbeRecord {
    Json fingerprint;  ///< base model, text and options that the file came from
    DeviationNorms norms;
    double first_loss = 0.0;
    double last_loss = 0.0;
    std::int64_t size = 0;  ///< n
};

inline constexpr char const* kDeviationDataset = "deviation";

/// FOLDER/TAG.h5
std::filesystem::path probe_file(std::filesystem::path const& folder, std::string const& tag);

/// The record of a file, or nothing where there is no file.
/// @throws Error  (data) when the file is damaged or none of a probe
std::optional<ProbeRecord> read_probe(std::filesystem::path const& path);

/// Which values differ: "steps was 5, is 10". "" when they are equal.
std::string difference(Json const& was, Json const& is);

/// {"el": {"delta_norm_ffn": [...], "delta_norm_att": [...]}, ...}, as `group layers` reads it.
Json deviation_json(
    std::vector<std::string> const& languages, std::vector<ProbeRecord> const& records
);

}  // namespace isogloss
