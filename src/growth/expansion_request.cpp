// growth/expansion_request.cpp
#include "growth/expansion_request.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "base/option_value.h"
#include "base/require.h"
#include "growth/layer_list.h"
#include "growth/step_files.h"

namespace isogloss {
namespace {

constexpr std::string_view kTop = "top:";

class Completion {
public:
    Completion(ExpansionRequest const& request, ModelConfig const& model)
        : request_(request), model_(model) {}

    void apply_to(ExpansionPlan& plan) {
        check_ways();
        auto const experts = new_experts();
        auto const sources = sources_of_layers();
        auto classifiers = classifier_layers(experts);
        throw_faults();
        for (std::int32_t i = 0; i < model_.num_layers(); ++i) {
            auto const place = static_cast<std::size_t>(i);
            if (experts[place] != 0) {
                plan.layers.push_back({i, experts[place], sources[place]});
            }
        }
        if (!request_.classifiers.empty()) {
            plan.classifiers =
                ClassifierPlan{std::move(classifiers), request_.span, request_.old_classifiers};
        }
    }

private:
    template <class... Args>
    void expect(bool holds, fmt::format_string<Args...> text, Args&&... args) {
        if (!holds) {
            faults_.push_back(fmt::format(text, std::forward<Args>(args)...));
        }
    }

    void check_ways() {
        bool const counted = !request_.experts.empty();
        bool const allocated = !request_.allocation.empty();
        expect(
            counted || allocated || !request_.classifiers.empty(),
            "experts: is missing; give experts or allocation (or only classifiers)"
        );
        expect(!counted || !allocated, "experts and allocation: give one of them");
        expect(
            request_.source.empty() || request_.source_from.empty(),
            "source and source-from: give one of them"
        );
        bool const top = request_.classifiers.starts_with(kTop);
        expect(
            top == !request_.similarity.empty(), "classifiers = {}: {}", request_.classifiers,
            top ? "needs similarity, the file of `expand similarity --json`"
                : "similarity is for classifiers = top:K"
        );
    }

    // One number for each layer, from a list of one or of all.
    std::vector<std::int32_t> for_layers(
        char const* option, std::vector<std::int32_t> const& given
    ) {
        auto const layers = model_.layers.size();
        if (given.size() == 1) {
            return std::vector<std::int32_t>(layers, given[0]);
        }
        expect(
            given.size() == layers,
            "{} has {} numbers: must have 1, or one for each of the model's {} layers", option,
            given.size(), layers
        );
        return given.size() == layers ? given : std::vector<std::int32_t>(layers, 0);
    }

    std::vector<std::int32_t> new_experts() {
        if (!request_.allocation.empty()) {
            return allocated_experts();
        }
        if (request_.experts.empty()) {
            return std::vector<std::int32_t>(model_.layers.size(), 0);
        }
        auto experts = for_layers("experts", request_.experts);
        auto const chosen = layers_that_grow();
        for (std::size_t i = 0; i < experts.size(); ++i) {
            bool const is_chosen = std::ranges::count(chosen, static_cast<std::int32_t>(i)) > 0;
            experts[i] = is_chosen ? experts[i] : 0;
        }
        return experts;
    }

    std::vector<std::int32_t> layers_that_grow() {
        auto layers = request_.layers;
        if (layers.empty()) {
            layers = request_.source_from.empty() ? "all" : "routed";
        }
        if (layers != "all" && layers != "routed") {
            auto list = parse_layers(layers, model_.num_layers(), "layers");
            faults_.insert(faults_.end(), list.faults.begin(), list.faults.end());
            return list.layers;
        }
        std::vector<std::int32_t> chosen;
        for (std::int32_t i = 0; i < model_.num_layers(); ++i) {
            if (layers == "all" || model_.layers[static_cast<std::size_t>(i)].has_router()) {
                chosen.push_back(i);
            }
        }
        expect(!chosen.empty(), "layers = routed: the model has no layer with a router");
        return chosen;
    }

    std::vector<std::int32_t> allocated_experts() {
        auto const allocation = read_allocation(request_.allocation);
        auto const file = request_.allocation.string();
        auto added = allocation.added;
        expect(
            allocation.experts.size() == model_.layers.size(),
            "{} is for {} layers: the model has {}; allocate for this model", file,
            allocation.experts.size(), model_.layers.size()
        );
        added.resize(model_.layers.size(), 0);
        for (std::size_t i = 0; i < std::min(model_.layers.size(), allocation.experts.size());
             ++i) {
            if (allocation.added.empty()) {
                added[i] = allocation.experts[i] - model_.layers[i].num_experts();
            }
            expect(
                added[i] >= 0,
                "{}: layer {} is to have {} experts: the model has {} already; say so with "
                "`expand allocate --existing`",
                file, i, allocation.experts[i], model_.layers[i].num_experts()
            );
        }
        return added;
    }

    std::vector<std::int32_t> sources_of_layers() {
        if (!request_.source_from.empty()) {
            return for_layers("source-from", {read_best_expert(request_.source_from)});
        }
        return for_layers("source", request_.source.empty() ? std::vector{0} : request_.source);
    }

    std::vector<std::int32_t> classifier_layers(std::vector<std::int32_t> const& new_experts) {
        auto const& words = request_.classifiers;
        if (words.empty() || words == "none") {
            return {};
        }
        if (words.starts_with(kTop)) {
            return request_.similarity.empty() ? std::vector<std::int32_t>()
                                               : most_similar(new_experts);
        }
        auto list = parse_layers(words, model_.num_layers(), "classifiers");
        faults_.insert(faults_.end(), list.faults.begin(), list.faults.end());
        return list.layers;
    }

    // Of the layers that have a router after the expansion: elsewhere there is nothing to choose.
    std::vector<std::int32_t> most_similar(std::vector<std::int32_t> const& new_experts) {
        auto const all = read_new_old_similarity(request_.similarity);
        expect(
            all.size() == model_.layers.size(),
            "{} has {} layers: the model has {}; measure this "
            "model",
            request_.similarity.string(), all.size(), model_.layers.size()
        );
        std::vector<double> score;
        std::vector<std::int32_t> routed;
        for (std::size_t i = 0; i < std::min(all.size(), model_.layers.size()); ++i) {
            if (model_.layers[i].has_router() || new_experts[i] > 0) {
                score.push_back(all[i]);
                routed.push_back(static_cast<std::int32_t>(i));
            }
        }
        std::int64_t count = 0;
        auto const expected = read_value(request_.classifiers.substr(kTop.size()), count);
        bool const counts =
            expected.empty() && 1 <= count && count <= static_cast<std::int64_t>(routed.size());
        expect(
            counts,
            "classifiers = {}: K must be a whole number in [1, {}], the layers with several "
            "experts",
            request_.classifiers, routed.size()
        );
        std::vector<std::int32_t> layers;
        auto const places = counts ? top_layers(score, count) : std::vector<std::int32_t>();
        for (auto const place : places) {
            layers.push_back(routed[static_cast<std::size_t>(place)]);
        }
        return layers;
    }

    void throw_faults() const {
        require_usage(
            faults_.empty(), "the expansion has {} {}:\n    {}", faults_.size(),
            faults_.size() == 1 ? "fault" : "faults", fmt::join(faults_, "\n    ")
        );
    }

    ExpansionRequest const& request_;
    ModelConfig const& model_;
    std::vector<std::string> faults_;
};

}  // namespace

void complete(ExpansionPlan& plan, ExpansionRequest const& request, ModelConfig const& model) {
    Completion(request, model).apply_to(plan);
}

}  // namespace isogloss
