// train/routing_shares.cpp
#include "train/routing_shares.h"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <set>

#include "base/require.h"
#include "base/text.h"
#include "comm/collective.h"

namespace isogloss {
namespace {

std::string percent(double share) {
    return std::isfinite(share) ? decimal_text(100.0 * share, 1) + " %" : "";
}

// Mean over the layers of `number(layer)`; not a number where no layer has one.
template <class Number>
double mean_over_layers(RoutingShares const& shares, Number const& number) {
    double sum = 0.0;
    int count = 0;
    for (auto const& layer : shares.layers) {
        auto const value = number(layer);
        if (std::isfinite(value)) {
            sum += value;
            ++count;
        }
    }
    return count > 0 ? sum / count : std::nan("");
}

// Sum of a language's shares over the experts that `is_of` picks.
template <class Pick>
double share_of(LayerShares const& layer, std::string const& language, Pick const& is_of) {
    auto const found = layer.share.find(language);
    if (found == layer.share.end()) {
        return std::nan("");
    }
    double sum = 0.0;
    for (std::size_t e = 0; e < layer.num_experts(); ++e) {
        sum += is_of(e) ? found->second[e] : 0.0;
    }
    return sum;
}

bool lists(std::string const& group, std::string const& language) {
    auto const tags = split_at_commas(group);
    return std::ranges::find(tags, language) != tags.end();
}

std::set<std::int32_t> generations(RoutingShares const& shares) {
    std::set<std::int32_t> all;
    for (auto const& layer : shares.layers) {
        all.insert(layer.generation.begin(), layer.generation.end());
    }
    return all;
}

bool have_groups(RoutingShares const& shares) {
    return std::ranges::any_of(shares.layers, [](LayerShares const& layer) {
        return std::ranges::any_of(layer.group, [](auto const& group) { return !group.empty(); });
    });
}

bool have_classifiers(RoutingShares const& shares) {
    return std::ranges::any_of(shares.layers, [](LayerShares const& layer) {
        return !layer.class_zero.empty();
    });
}

bool have_equally_many_experts(RoutingShares const& shares) {
    return std::ranges::all_of(shares.layers, [&](LayerShares const& layer) {
        return layer.num_experts() == shares.layers.front().num_experts();
    });
}

double own_share(RoutingShares const& shares, std::string const& language) {
    return mean_over_layers(shares, [&](LayerShares const& layer) {
        bool const has_own = std::ranges::any_of(layer.group, [&](auto const& group) {
            return lists(group, language);
        });
        auto const is_own = [&](std::size_t e) { return lists(layer.group[e], language); };
        return has_own ? share_of(layer, language, is_own) : std::nan("");
    });
}

double generation_share(
    RoutingShares const& shares, std::string const& language, std::int32_t generation
) {
    return mean_over_layers(shares, [&](LayerShares const& layer) {
        return share_of(layer, language, [&](std::size_t e) {
            return layer.generation[e] == generation;
        });
    });
}

double class_zero_share(RoutingShares const& shares, std::string const& language) {
    return mean_over_layers(shares, [&](LayerShares const& layer) {
        auto const found = layer.class_zero.find(language);
        return found == layer.class_zero.end() ? std::nan("") : found->second;
    });
}

// "2 61.5 %, 0 30.1 %": the two largest means over the layers.
std::string most_used(RoutingShares const& shares, std::string const& language) {
    std::vector<std::pair<double, std::size_t>> means;
    for (std::size_t e = 0; e < shares.layers.front().num_experts(); ++e) {
        auto const mean = mean_over_layers(shares, [&](LayerShares const& layer) {
            return share_of(layer, language, [&](std::size_t other) { return other == e; });
        });
        means.emplace_back(-mean, e);
    }
    std::ranges::sort(means);
    std::string text;
    for (std::size_t i = 0; i < std::min<std::size_t>(2, means.size()); ++i) {
        text +=
            fmt::format("{}{} {}", i > 0 ? ", " : "", means[i].second, percent(-means[i].first));
    }
    return text;
}

void check_share(
    std::vector<double> const& share, LayerShares const& layer, std::string const& where
) {
    bool const is_share = std::ranges::all_of(share, [](double s) { return 0.0 <= s && s <= 1.0; });
    require_data(
        share.size() == layer.num_experts() && is_share,
        "{}: layer {} has {} experts, and a list of {} shares [{}]; it must have one a expert, in "
        "[0, 1]",
        where, layer.layer, layer.num_experts(), share.size(), fmt::join(share, ", ")
    );
}

LayerShares layer_shares(Json const& value, std::string const& where) {
    LayerShares layer;
    layer.layer = json_get<std::int32_t>(value, "layer", where);
    layer.generation = json_get<std::vector<std::int32_t>>(value, "generation", where);
    layer.group = json_get<std::vector<std::string>>(value, "group", where);
    layer.share = json_get<std::map<std::string, std::vector<double>>>(value, "share", where);
    layer.class_zero = json_get<std::map<std::string, double>>(value, "class_zero", where);
    require_data(
        layer.group.size() == layer.num_experts(), "{}: layer {} has {} generations and {} groups",
        where, layer.layer, layer.num_experts(), layer.group.size()
    );
    for (auto const& [language, share] : layer.share) {
        check_share(share, layer, where);
    }
    return layer;
}

}  // namespace

RoutingTally::RoutingTally(ModelConfig const& config) : config_(&config) {
    for (std::int32_t i = 0; i < config.num_layers(); ++i) {
        auto const& layer = config.layers[static_cast<std::size_t>(i)];
        if (layer.has_router()) {
            layers_.push_back({i, std::vector<double>(layer.experts.size()), 0.0, 0.0});
        }
    }
}

void RoutingTally::add(PassResult const& pass) {
    for (auto& layer : layers_) {
        auto const at = static_cast<std::size_t>(layer.layer);
        std::ranges::transform(
            layer.choices, pass.expert_tokens.at(at), layer.choices.begin(),
            [](double sum, std::int64_t tokens) { return sum + static_cast<double>(tokens); }
        );
        if (at < pass.classifiers.size()) {
            layer.decisions += static_cast<double>(pass.classifiers[at].decisions);
            layer.class_zero += static_cast<double>(pass.classifiers[at].old_class);
        }
    }
}

void RoutingTally::reduce(MpiComm const& world) {
    std::vector<double> all;
    for (auto const& layer : layers_) {
        all.insert(all.end(), layer.choices.begin(), layer.choices.end());
        all.insert(all.end(), {layer.decisions, layer.class_zero});
    }
    sum_over(all, world);
    auto next = all.begin();
    for (auto& layer : layers_) {
        for (auto& choices : layer.choices) {
            choices = *next++;
        }
        layer.decisions = *next++;
        layer.class_zero = *next++;
    }
}

void RoutingTally::add_to(RoutingShares& shares, std::string const& language) const {
    shares.layers.resize(layers_.size());
    for (std::size_t i = 0; i < layers_.size(); ++i) {
        auto const& counts = layers_[i];
        auto& layer = shares.layers[i];
        if (layer.generation.empty()) {
            layer.layer = counts.layer;
            for (auto const& expert :
                 config_->layers[static_cast<std::size_t>(layer.layer)].experts) {
                layer.generation.push_back(expert.generation);
                layer.group.push_back(expert.group);
            }
        }
        auto const total = std::accumulate(counts.choices.begin(), counts.choices.end(), 0.0);
        auto& share = layer.share[language];
        share.clear();
        for (auto const choices : counts.choices) {
            share.push_back(total > 0.0 ? choices / total : 0.0);
        }
        if (counts.decisions > 0.0) {
            layer.class_zero[language] = counts.class_zero / counts.decisions;
        }
    }
}

Json to_json(RoutingShares const& shares) {
    Json layers = Json::array();
    for (auto const& layer : shares.layers) {
        layers.push_back(
            {{"layer", layer.layer},
             {"experts", layer.num_experts()},
             {"generation", layer.generation},
             {"group", layer.group},
             {"share", layer.share},
             {"class_zero", layer.class_zero}}
        );
    }
    return {{"layers", std::move(layers)}};
}

RoutingShares routing_shares(Json const& value, std::string const& where) {
    RoutingShares shares;
    for (auto const& layer : json_get<Json>(value, "layers", where)) {
        shares.layers.push_back(layer_shares(layer, where));
        auto const& all = shares.layers;
        require_data(
            all.size() < 2 || all[all.size() - 2].layer < all.back().layer,
            "{}: layer {} of the shares follows layer {}; layers must rise", where,
            all.back().layer, all.size() < 2 ? 0 : all[all.size() - 2].layer
        );
    }
    return shares;
}

Table to_table(RoutingShares const& shares, std::vector<std::string> const& languages) {
    bool const with_groups = have_groups(shares);
    bool const with_classes = have_classifiers(shares);
    bool const with_numbers = !shares.layers.empty() && have_equally_many_experts(shares);
    std::vector<std::string> header{"language"};
    if (with_groups) {
        header.emplace_back("own experts");
    }
    for (auto const generation : generations(shares)) {
        header.push_back(fmt::format("generation {}", generation));
    }
    if (with_classes) {
        header.emplace_back("class 0");
    }
    if (with_numbers) {
        header.emplace_back("most used experts");
    }
    Table table(header);
    for (auto const& language : languages) {
        std::vector<std::string> row{language};
        if (with_groups) {
            row.push_back(percent(own_share(shares, language)));
        }
        for (auto const generation : generations(shares)) {
            row.push_back(percent(generation_share(shares, language, generation)));
        }
        if (with_classes) {
            row.push_back(percent(class_zero_share(shares, language)));
        }
        if (with_numbers) {
            row.push_back(most_used(shares, language));
        }
        table.add_row(std::move(row));
    }
    return table;
}

Table layer_table(RoutingShares const& shares, std::vector<std::string> const& languages) {
    std::vector<std::string> header{"layer", "experts"};
    header.insert(header.end(), languages.begin(), languages.end());
    Table table(header);
    for (auto const& layer : shares.layers) {
        std::vector<std::string> row{
            std::to_string(layer.layer), std::to_string(layer.num_experts())};
        for (auto const& language : languages) {
            auto const& share = layer.share.at(language);
            auto const best = std::ranges::max_element(share);
            row.push_back(fmt::format("{}: {}", best - share.begin(), percent(*best)));
        }
        table.add_row(std::move(row));
    }
    return table;
}

}  // namespace isogloss
