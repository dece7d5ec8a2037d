// cli/model_export.cpp
#include <fmt/ranges.h>

#include <filesystem>
#include <optional>

#include "base/json.h"
#include "base/require.h"
#include "base/text.h"
#include "checkpoint/hugging_face_export.h"
#include "checkpoint/load.h"
#include "cli/commands.h"
#include "comm/world.h"

namespace isogloss {
namespace {

struct ExportConfig {
    std::filesystem::path from;
    std::filesystem::path out;
    std::filesystem::path tokenizer;
    std::string form = "auto";
    bool pad = false;
    double shard_gigabytes = 5.0;
    bool json = false;
    bool quiet = false;
};

constexpr char const* kForms =
    "auto, llama, mistral, qwen2, qwen3, gemma, bloom, mixtral, qwen2_moe, qwen3_moe, isogloss";

std::vector<std::string> problems(ExportConfig const& config) {
    std::vector<std::string> faults;
    bool const is_known = config.form == "auto" || foreign_form(config.form).has_value();
    if (!is_known) {
        faults.push_back(fmt::format("form = {}: must be one of {}", config.form, kForms));
    }
    if (config.pad && config.form != "auto") {
        faults.emplace_back("pad chooses the form itself: leave form away");
    }
    if (!(config.shard_gigabytes > 0.0 && config.shard_gigabytes <= 1e6)) {
        faults.push_back(fmt::format(
            "max-shard-size = {}: must lie in (0, 1000000] gigabytes", config.shard_gigabytes
        ));
    }
    return faults;
}

void describe(Options& options, ExportConfig& config) {
    options.add_positional("checkpoint", config.from, "to be exported; stays as it is");
    options.add_positional("folder", config.out, "of the model for transformers, made here");
    options.add(
        "tokenizer", config.tokenizer,
        "folder whose tokenizer files go with it, and whose config.json names special tokens"
    );
    options.add(
        "form", config.form,
        std::string("model_type to write: ") + kForms +
            "; auto: a class of the library if one computes the same, else isogloss, which brings "
            "its modelling file (load with trust_remote_code)"
    );
    options.add(
        "pad", config.pad,
        "unequal layers for a class of the library: as many experts in every layer, those that a "
        "layer lacks closed (ernie4_5_moe)"
    );
    options.add(
        "max-shard-size", config.shard_gigabytes, "gigabytes (10^9 bytes) of tensors in a file"
    );
    options.add("json", config.json, "print one JSON document");
    options.add("quiet", config.quiet, "print nothing on standard output");
    options.add_check([&config] { return problems(config); });
}

ForeignForm chosen_form(ExportConfig const& config, ModelConfig const& model) {
    if (config.pad) {
        return ForeignForm::ernie4_5_moe;
    }
    return config.form == "auto" ? fitting_form(model) : *foreign_form(config.form);
}

void print(ExportConfig const& config, ForeignForm form, ExportResult const& result) {
    if (config.json) {
        Json const json{{"folder", config.out.string()}, {"model_type", name_of(form)},
                        {"tensors", result.tensors},     {"tensor_bytes", result.tensor_bytes},
                        {"files", result.files},         {"float_routers", result.float_routers}};
        fmt::print("{}\n", json.dump(2));
        return;
    }
    fmt::print(
        "{}: {}, {} tensors, {}: {}\n", config.out.string(), name_of(form), result.tensors,
        bytes_text(result.tensor_bytes), fmt::join(result.files, " ")
    );
    if (form == ForeignForm::isogloss) {
        fmt::print("no class of the library computes this model: load with trust_remote_code\n");
    }
    if (!result.float_routers.empty()) {
        fmt::print(
            "{} routers are F32, which bf16 would round: load with dtype float32 for the same "
            "choices\n",
            result.float_routers.size()
        );
    }
    if (config.tokenizer.empty()) {
        fmt::print("without tokenizer files: name their folder with --tokenizer\n");
    }
}

}  // namespace

Exit run_model_export(Arguments const& arguments, World const& world) {
    ExportConfig config;
    Options options(
        "model export",
        "Writes a checkpoint as a model of transformers: safetensors, config.json and the "
        "tokenizer's files."
    );
    describe(options, config);
    if (options.parse(arguments) == Parsed::help) {
        return print_help(options, world);
    }
    ExportRequest request;
    request.from = read_checkpoint(config.from, world.comm());
    request.to = config.out;
    request.form = chosen_form(config, request.from.manifest.config);
    request.tokenizer = config.tokenizer;
    request.shard_bytes = static_cast<std::int64_t>(config.shard_gigabytes * 1e9);
    auto const result = export_hugging_face(request, world.comm());
    if (world.comm().rank() == 0 && !config.quiet) {
        print(config, request.form, result);
    }
    return Exit::done;
}

}  // namespace isogloss
