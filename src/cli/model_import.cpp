// cli/model_import.cpp
#include <fmt/ranges.h>

#include <filesystem>

#include "base/json.h"
#include "base/require.h"
#include "base/text.h"
#include "checkpoint/hugging_face_import.h"
#include "cli/commands.h"
#include "comm/world.h"
#include "corpus/tokenizer.h"
#include "model/model_size.h"

namespace isogloss {
namespace {

enum class WeightType : std::uint8_t { as_stored, f32, bf16 };

struct ImportConfig {
    std::filesystem::path from;
    std::filesystem::path out;
    std::string tokenizer;
    std::string separator;
    WeightType dtype = WeightType::as_stored;
    std::vector<std::string> languages;
    std::vector<std::string> ignore;
    bool json = false;
    bool quiet = false;
};

void describe(Options& options, ImportConfig& config) {
    options.add_positional(
        "folder", config.from, "model of transformers: config.json and safetensors"
    );
    options.add(
        "out", config.out, "folder of the checkpoint, made by this command", Presence::required
    );
    options.add_choice(
        "dtype", config.dtype,
        {{"auto", WeightType::as_stored}, {"f32", WeightType::f32}, {"bf16", WeightType::bf16}},
        "type of weights and activations; auto: as the files have them; bf16 of F32 or F16 rounds"
    );
    options.add(
        "tokenizer", config.tokenizer,
        "another place than the folder: `bytes`, a SentencePiece model, or a tokenizer.json"
    );
    options.add(
        "separator", config.separator,
        "token that begins documents; none: the tokenizer's beginning or end of text"
    );
    options.add(
        "languages", config.languages, "BCP 47 tags that the model has learned, for the manifest"
    );
    options.add(
        "ignore", config.ignore,
        "fields of config.json that are not understood and change nothing, as you know"
    );
    options.add("json", config.json, "print one JSON document");
    options.add("quiet", config.quiet, "print nothing on standard output");
}

ImportRequest request_of(ImportConfig const& config, Options const& options) {
    auto const tokenizer = Tokenizer::open(
        config.tokenizer.empty() ? config.from.string() : config.tokenizer, config.separator
    );
    ImportRequest request;
    request.from = config.from;
    request.to = config.out;
    request.ignore = config.ignore;
    request.tokenizer_tokens = tokenizer.vocab_size();
    request.info.tokenizer_kind = tokenizer.kind();
    request.info.tokenizer_sha256 = tokenizer.sha256();
    request.info.separator = tokenizer.separator();
    request.info.languages = config.languages;
    request.info.options = options.resolved();
    if (config.dtype != WeightType::as_stored) {
        request.dtype = config.dtype == WeightType::f32 ? DType::f32 : DType::bf16;
    }
    return request;
}

void print(ImportConfig const& config, ImportResult const& result) {
    auto const& manifest = result.checkpoint.manifest;
    auto const parameters = parameter_count(manifest.config);
    if (config.json) {
        Json const json{
            {"checkpoint", config.out.string()},
            {"model_type", result.model.kind},
            {"parameters", parameters},
            {"dtype", name_of(manifest.config.dtype)},
            {"bytes_written", manifest.bytes_written},
            {"ignored_fields", result.model.ignored},
            {"ignored_tensors", result.ignored_tensors}};
        fmt::print("{}\n", json.dump(2));
        return;
    }
    fmt::print(
        "{}: {} of {} parameters, {}, {} in {} files\n", config.out.string(), result.model.kind,
        count_text(static_cast<double>(parameters)), name_of(manifest.config.dtype),
        bytes_text(manifest.bytes_written), manifest.shards.size()
    );
    fmt::print("fields without effect: {}\n", fmt::join(result.model.ignored, ", "));
    if (!result.ignored_tensors.empty()) {
        fmt::print("tensors of no use: {}\n", fmt::join(result.ignored_tensors, ", "));
    }
}

}  // namespace

Exit run_model_import(Arguments const& arguments, World const& world) {
    ImportConfig config;
    Options options(
        "model import",
        "Makes a checkpoint of a model of transformers: llama, mistral, qwen2, qwen3, gemma, "
        "bloom, mixtral, qwen2_moe, qwen3_moe. Every tensor is used or named; what is not "
        "understood is refused."
    );
    describe(options, config);
    if (options.parse(arguments) == Parsed::help) {
        return print_help(options, world);
    }
    auto const result = import_hugging_face(request_of(config, options), world.comm());
    if (world.comm().rank() == 0 && !config.quiet) {
        print(config, result);
    }
    return Exit::done;
}

}  // namespace isogloss
