// cli/model_info.cpp
#include <fmt/format.h>

#include <filesystem>

#include "base/json.h"
#include "base/table.h"
#include "base/text.h"
#include "checkpoint/manifest.h"
#include "checkpoint/manifest_json.h"
#include "cli/commands.h"
#include "cli/model_parts.h"

namespace isogloss {
namespace {

Json layers_to_json(ModelConfig const& config) {
    auto layers = Json::array();
    for (auto const& layer : config.layers) {
        auto experts = Json::array();
        for (auto const& expert : layer.experts) {
            experts.push_back(Json{
                {"generation", expert.generation},
                {"parent", expert.parent},
                {"group", expert.group},
                {"trainable", expert.trainable}});
        }
        layers.push_back(experts);
    }
    return layers;
}

Json classifiers_to_json(ModelConfig const& config) {
    auto classifiers = Json::object();
    for (std::size_t i = 0; i < config.layers.size(); ++i) {
        auto const& its = config.layers[i].classifier;
        if (its.classes > 0) {
            classifiers[std::to_string(i)] = {
                {"classes", its.classes}, {"span", name_of(its.span)}};
        }
    }
    return classifiers;
}

/// {"3": {"hidden": 5632}}: of the layers that have one.
Json shared_experts_to_json(ModelConfig const& config) {
    auto shared = Json::object();
    for (std::size_t i = 0; i < config.layers.size(); ++i) {
        if (config.layers[i].has_shared_expert()) {
            shared[std::to_string(i)] = {{"hidden", config.layers[i].shared_hidden}};
        }
    }
    return shared;
}

Json to_json(StoredCheckpoint const& checkpoint) {
    auto const& manifest = checkpoint.manifest;
    auto const size = model_size(manifest.config);
    Json parent = nullptr;
    if (manifest.info.parent) {
        parent = Json{
            {"path", manifest.info.parent->path},
            {"manifest_sha256", manifest.info.parent->manifest_sha256}};
    }
    return Json{
        {"checkpoint", checkpoint.folder.string()},
        {"manifest_sha256", checkpoint.manifest_sha256},
        {"step", manifest.info.step},
        {"tokens_seen", manifest.info.tokens_seen},
        {"optimizer_step", manifest.info.optimizer_step},
        {"languages", manifest.info.languages},
        {"tokenizer", info_to_json(manifest.info)["tokenizer"]},
        {"parent", parent},
        {"dtype", name_of(manifest.config.dtype)},
        {"vocab_size", manifest.config.vocab_size},
        {"width", manifest.config.width},
        {"top_k", manifest.config.top_k},
        {"gates", name_of(manifest.config.gates)},
        {"backbone", to_json(size.backbone)},
        {"routers", to_json(size.routers)},
        {"experts", to_json(size.experts)},
        {"total", to_json(size.all)},
        {"files", manifest.shards.size()},
        {"bytes_written", manifest.bytes_written},
        {"bytes_linked", manifest.bytes_linked},
        {"experts_per_layer", manifest.config.experts_per_layer()},
        {"shared_experts", shared_experts_to_json(manifest.config)},
        {"classifiers", classifiers_to_json(manifest.config)},
        {"layers", layers_to_json(manifest.config)}};
}

std::string classifier_text(ClassifierConfig const& classifier) {
    return classifier.classes == 0
               ? ""
               : fmt::format("{} classes, by {}", classifier.classes, name_of(classifier.span));
}

std::string experts_table(ModelConfig const& config) {
    Table table(
        {"layer", "experts", "choices", "shared", "generations", "groups", "trainable",
         "classifier"}
    );
    for (std::int32_t i = 0; i < config.num_layers(); ++i) {
        auto const& layer = config.layers[static_cast<std::size_t>(i)];
        auto const& experts = layer.experts;
        std::string generations;
        std::string groups;
        std::string last_group;
        int trainable = 0;
        for (auto const& expert : experts) {
            generations += fmt::format("{}{}", generations.empty() ? "" : " ", expert.generation);
            if (!expert.group.empty() && expert.group != last_group) {
                groups += (groups.empty() ? "" : "; ") + expert.group;
                last_group = expert.group;
            }
            trainable += expert.trainable ? 1 : 0;
        }
        table.add_row(
            {std::to_string(i), std::to_string(experts.size()), std::to_string(config.choices(i)),
             layer.has_shared_expert() ? std::to_string(layer.shared_hidden) : "", generations,
             groups, std::to_string(trainable), classifier_text(layer.classifier)}
        );
    }
    return table.text();
}

void print(StoredCheckpoint const& checkpoint) {
    auto const& manifest = checkpoint.manifest;
    auto const& config = manifest.config;
    fmt::print(
        "{}: step {}, {} tokens seen, {} optimizer state\n", checkpoint.folder.string(),
        manifest.info.step, count_text(static_cast<double>(manifest.info.tokens_seen)),
        manifest.has_optimizer_state() ? "with" : "no"
    );
    fmt::print(
        "{} layers, width {}, {} heads ({} for keys and values) of {}, hidden {}, vocabulary {}, "
        "{}\n",
        config.num_layers(), config.width, config.num_heads, config.num_kv_heads, config.head_width,
        config.ffn_hidden, config.vocab_size, name_of(config.dtype)
    );
    fmt::print(
        "languages: {}\ntokenizer: {} {:.12}\n", fmt::join(manifest.info.languages, " "),
        manifest.info.tokenizer_kind, manifest.info.tokenizer_sha256
    );
    if (manifest.info.parent) {
        fmt::print(
            "parent: {} ({:.12})\n", manifest.info.parent->path,
            manifest.info.parent->manifest_sha256
        );
    }
    fmt::print(
        "{} files: {} written, {} shared with earlier checkpoints\n\n", manifest.shards.size(),
        bytes_text(manifest.bytes_written), bytes_text(manifest.bytes_linked)
    );
    fmt::print("{}\n{}", parts_table(model_size(config)), experts_table(config));
}

}  // namespace

Exit run_model_info(Arguments const& arguments) {
    std::filesystem::path folder;
    bool json = false;
    Options options("model info", "Says what a checkpoint holds: parts, experts, origin, sizes.");
    options.add_positional("checkpoint", folder, "folder of the checkpoint");
    options.add("json", json, "print one JSON document");
    if (options.parse(arguments) == Parsed::help) {
        return print_help(options);
    }
    auto const checkpoint = read_checkpoint(folder);
    if (json) {
        fmt::print("{}\n", to_json(checkpoint).dump(2));
    } else {
        print(checkpoint);
    }
    return Exit::done;
}

}  // namespace isogloss
