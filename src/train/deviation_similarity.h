// train/deviation_similarity.h - how alike languages move the weights: cosines of long vectors on
// disk.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "base/json.h"
#include "comm/mpi_comm.h"

namespace isogloss {

/// sim(x, y) = cos(v_x, v_y), clamped to [-1, 1]; DMoE, arXiv:2506.12388. Row-major [n][n].
///
/// The vectors are the datasets kDeviationDataset of the files. They are read in blocks, each
/// element once: every rank takes an even part of the elements and adds up its part of all products
/// in double, so memory is n blocks, whatever the vectors' length. Collective over `world`.
/// @throws Error  (data) when lengths differ, or a vector is 0 or not finite: its cosine has no
///         meaning
std::vector<double> deviation_similarity(
    std::vector<std::filesystem::path> const& files, MpiComm const& world
);

/// {"languages": [...], "similarity": [[...], ...]}, as `group cluster` reads it.
Json similarity_json(
    std::vector<std::string> const& languages, std::vector<double> const& similarity
);

}  // namespace isogloss
