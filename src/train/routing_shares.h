// train/routing_shares.h - which experts the tokens of each language went to, layer by layer.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "base/json.h"
#include "base/table.h"
#include "comm/mpi_comm.h"
#include "model/config.h"
#include "model/pass.h"

namespace isogloss {

/// Of one layer with several experts. Lists have an element an expert.
struct LayerShares {
    std::int32_t layer = 0;
    std::vector<std::int32_t> generation;  ///< [E]
    std::vector<std::string> group;        ///< [E]
    /// language -> [E], choices of the expert over all choices; sums to 1
    std::map<std::string, std::vector<double>> share;
    /// language -> decisions of the classifier for class 0 over all; only where it was asked
    std::map<std::string, double> class_zero;

    [[nodiscard]] std::size_t num_experts() const { return generation.size(); }
};

/// Layers that have a router, in order.
struct RoutingShares {
    std::vector<LayerShares> layers;
};

/// Counts of the passes over one language.
class RoutingTally {
public:
    explicit RoutingTally(ModelConfig const& config);

    /// This rank's part of a pass.
    void add(PassResult const& pass);
    /// Sums over ranks. Collective over `world`.
    void reduce(MpiComm const& world);
    /// Adds the language to `shares`, whose layers are made when there are none yet.
    void add_to(RoutingShares& shares, std::string const& language) const;

private:
    struct Layer {
        std::int32_t layer = 0;
        std::vector<double> choices;  // [E]
        double decisions = 0.0;
        double class_zero = 0.0;
    };
    ModelConfig const* config_;
    std::vector<Layer> layers_;
};

/// {"layers": [{"layer": 3, "experts": 2, "generation": [0, 1], "group": ["", "el,hu"],
///              "share": {"el": [0.25, 0.75]}, "class_zero": {"el": 0.1}}]}
Json to_json(RoutingShares const& shares);
/// @param where  names the file in errors
/// @throws Error  (data) when lists differ in length, or shares are not in [0, 1]
RoutingShares routing_shares(Json const& value, std::string const& where);

/// A row a language, means over the layers: the share of experts whose group lists the language,
/// of each generation of experts, of class 0, and the experts most used (where all layers have
/// equally many, so that a number means one thing).
Table to_table(RoutingShares const& shares, std::vector<std::string> const& languages);

/// Languages that a table with a column for each has room for.
inline constexpr std::size_t kMostLanguageColumns = 12;

/// A row a layer, a column a language: the expert most used and its share.
Table layer_table(RoutingShares const& shares, std::vector<std::string> const& languages);

}  // namespace isogloss
