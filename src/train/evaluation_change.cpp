// train/evaluation_change.cpp
#include "train/evaluation_change.h"

#include <algorithm>
#include <cmath>

#include "base/require.h"

namespace isogloss {
namespace {

constexpr auto kNone = std::numeric_limits<double>::quiet_NaN();

RoutingMove move_between(std::vector<double> const& before, std::vector<double> const& after) {
    RoutingMove move;
    for (auto e = before.size(); e < after.size(); ++e) {
        move.to_new += after[e];
    }
    double kept = 0.0;  // 1 - to_new, without its rounding
    for (std::size_t e = 0; e < before.size(); ++e) {
        kept += after[e];
    }
    double distance = 0.0;
    for (std::size_t e = 0; e < before.size(); ++e) {
        distance += std::abs(before[e] - after[e] / kept);
    }
    move.among_old = kept > 0.0 ? 0.5 * distance : kNone;
    return move;
}

// The layer's shares of a language; those of one expert where the layer had no router.
std::vector<double> shares_before(
    RoutingShares const& shares, std::int32_t layer, std::string const& language
) {
    auto const found = std::ranges::find(shares.layers, layer, &LayerShares::layer);
    if (found == shares.layers.end()) {
        return {1.0};
    }
    auto const share = found->share.find(language);
    return share == found->share.end() ? std::vector<double>{} : share->second;
}

LayerMoves moves_of(
    LayerShares const& after,
    RoutingShares const& before,
    std::vector<LanguageChange> const& languages
) {
    auto const found = std::ranges::find(before.layers, after.layer, &LayerShares::layer);
    auto const old_experts = found == before.layers.end() ? 1 : found->num_experts();
    require_data(
        old_experts <= after.num_experts(),
        "layer {} had {} experts and then has {}: experts are never taken away; give the older "
        "evaluation first",
        after.layer, old_experts, after.num_experts()
    );
    LayerMoves layer{
        after.layer,
        static_cast<std::int32_t>(old_experts),
        static_cast<std::int32_t>(after.num_experts()),
        {}};
    for (auto const& [language, b, a] : languages) {
        auto const its = shares_before(before, after.layer, language);
        auto const share = after.share.find(language);
        if (!its.empty() && share != after.share.end()) {
            layer.moves[language] = move_between(its, share->second);
        }
    }
    return layer;
}

// Bytes went through a text of 17 digits at most: equal but for the last of them.
void require_same_text(LanguageScore const& before, LanguageScore const& after) {
    require_data(
        std::abs(before.bytes_of_text - after.bytes_of_text) <= 1e-12 * after.bytes_of_text,
        "{} was scored on {} bytes of text, then on {}: not the same held-out text; evaluate both "
        "on one corpus",
        after.language, before.bytes_of_text, after.bytes_of_text
    );
}

std::string percent_or_dash(double share) {
    return std::isfinite(share) ? decimal_text(100.0 * share, 1) : "-";
}

Json move_json(LayerMoves const& layer, double RoutingMove::*number) {
    Json json = Json::object();
    for (auto const& [language, move] : layer.moves) {
        json[language] = move.*number;
    }
    return json;
}

}  // namespace

RoutingMove EvaluationChange::mean_move(std::string const& language) const {
    RoutingMove sum;
    double layers_with_new = 0.0;
    double layers_with_old = 0.0;
    for (auto const& layer : layers) {
        auto const found = layer.moves.find(language);
        if (found == layer.moves.end()) {
            continue;
        }
        sum.to_new += found->second.to_new;
        layers_with_new += 1.0;
        if (std::isfinite(found->second.among_old)) {
            sum.among_old += found->second.among_old;
            layers_with_old += 1.0;
        }
    }
    return {
        layers_with_new > 0.0 ? sum.to_new / layers_with_new : kNone,
        layers_with_old > 0.0 ? sum.among_old / layers_with_old : kNone};
}

EvaluationChange evaluation_change(EvaluationRecord const& before, EvaluationRecord const& after) {
    require_data(
        before.protocol == after.protocol,
        "the two evaluations have different protocols, so their numbers do not compare; evaluate "
        "both alike:\n    {}\n    {}",
        before.protocol.dump(), after.protocol.dump()
    );
    EvaluationChange change;
    for (auto const& score : after.scores) {
        auto const old = std::ranges::find(before.scores, score.language, &LanguageScore::language);
        if (old != before.scores.end()) {
            require_same_text(*old, score);
            change.languages.push_back({score.language, old->bits_per_byte(), score.bits_per_byte()}
            );
        }
    }
    require_data(
        !change.languages.empty(),
        "the two evaluations have no language in common; score the same "
        "languages in both"
    );
    if (before.shares && after.shares) {
        for (auto const& layer : after.shares->layers) {
            change.layers.push_back(moves_of(layer, *before.shares, change.languages));
        }
    }
    return change;
}

Table to_table(EvaluationChange const& change) {
    Table table(
        {"language", "bits per byte", "then", "change", "% to new experts", "% moved among old"}
    );
    for (auto const& language : change.languages) {
        auto const move = change.mean_move(language.language);
        table.add_row(
            {language.language, decimal_text(language.before, 4), decimal_text(language.after, 4),
             decimal_text(language.change(), 4), percent_or_dash(move.to_new),
             percent_or_dash(move.among_old)}
        );
    }
    return table;
}

Table layer_table(EvaluationChange const& change) {
    std::vector<std::string> header{"layer", "experts"};
    for (auto const& language : change.languages) {
        header.push_back(language.language);
    }
    Table table(header);
    for (auto const& layer : change.layers) {
        std::vector<std::string> row{
            std::to_string(layer.layer),
            fmt::format("{} + {}", layer.old_experts, layer.experts - layer.old_experts)};
        for (auto const& language : change.languages) {
            auto const found = layer.moves.find(language.language);
            row.push_back(
                found == layer.moves.end() ? "-"
                                           : fmt::format(
                                                 "{} / {}", percent_or_dash(found->second.to_new),
                                                 percent_or_dash(found->second.among_old)
                                             )
            );
        }
        table.add_row(std::move(row));
    }
    return table;
}

Json to_json(EvaluationChange const& change) {
    Json languages = Json::object();
    for (auto const& language : change.languages) {
        auto const move = change.mean_move(language.language);
        languages[language.language] = {
            {"bits_per_byte",
             {{"before", language.before},
              {"after", language.after},
              {"change", language.change()}}},
            {"to_new", move.to_new},
            {"among_old", move.among_old}};
    }
    Json layers = Json::array();
    for (auto const& layer : change.layers) {
        layers.push_back(
            {{"layer", layer.layer},
             {"old_experts", layer.old_experts},
             {"experts", layer.experts},
             {"to_new", move_json(layer, &RoutingMove::to_new)},
             {"among_old", move_json(layer, &RoutingMove::among_old)}}
        );
    }
    return {{"languages", std::move(languages)}, {"layers", std::move(layers)}};
}

}  // namespace isogloss
