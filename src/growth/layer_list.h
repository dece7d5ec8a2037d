// growth/layer_list.h - layers as people name them: "0-4,20-23", a bit mask, or the top K of a
// score.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace isogloss {

struct LayerList {
    std::vector<std::int32_t> layers;  ///< ascending, each once
    std::vector<std::string> faults;   ///< one sentence each; empty means valid
};

/// "0-4,20-23" -> 0 1 2 3 4 20 21 22 23: layers and runs of layers, both ends included.
///
/// @param num_layers  of the model: layers are [0, num_layers)
/// @param option      begins each fault: "layers"
LayerList parse_layers(std::string_view text, std::int32_t num_layers, std::string_view option);

/// The layers whose bits are set: bit i is layer i (DMoE's moe_layer_index, arXiv:2506.12388).
LayerList layers_of_mask(std::uint64_t mask, std::int32_t num_layers, std::string_view option);

/// Every number of `layers` that the model lacks, or that is given twice, is a fault.
LayerList checked_layers(
    std::span<std::int64_t const> layers, std::int32_t num_layers, std::string_view option
);

/// The `count` layers of largest score, the lower one of equals.
/// @throws Error  (usage) when `count` is not in [1, score.size()]
std::vector<std::int32_t> top_layers(std::span<double const> score, std::int64_t count);

/// The reverse of parse_layers: "0-4,20-23".
std::string layers_text(std::span<std::int32_t const> layers);

}  // namespace isogloss
