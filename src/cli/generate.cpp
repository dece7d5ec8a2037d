// cli/generate.cpp
#include <fmt/format.h>

#include <algorithm>
#include <filesystem>

#include "base/options.h"
#include "base/require.h"
#include "checkpoint/load.h"
#include "cli/commands.h"
#include "cli/opened_model.h"
#include "cli/prompts.h"
#include "cli/result.h"
#include "cli/routing_options.h"
#include "model/language_groups.h"
#include "storage/safetensors_writer.h"

namespace isogloss {
namespace {

struct GenerateConfig {
    std::filesystem::path checkpoint;
    RankDevice device;
    PromptOptions prompts;
    GenerationRequest request;
    std::string language;
    AskClassifiers classifiers = AskClassifiers::automatic;
    std::filesystem::path logits_out;
    ResultOutput output;
};

std::vector<std::string> problems(GenerateConfig const& config) {
    std::vector<std::string> faults;
    auto const& sampling = config.request.sampling;
    if (config.request.max_tokens < 0 || sampling.top_k < 0) {
        faults.push_back(fmt::format(
            "max-tokens = {} and top-k = {} must be at least 0", config.request.max_tokens,
            sampling.top_k
        ));
    }
    if (!(sampling.temperature >= 0.0F) || !(sampling.top_p > 0.0F && sampling.top_p <= 1.0F)) {
        faults.push_back(fmt::format(
            "temperature = {} must be at least 0, top-p = {} above 0 and at most 1",
            sampling.temperature, sampling.top_p
        ));
    }
    bool const is_hard = config.request.routing.mode == RoutingMode::hard;
    if (is_hard == config.language.empty()) {
        faults.emplace_back(
            is_hard ? "routing = hard: name the prompts' language with --language"
                    : "language is asked by --routing=hard alone; leave it out, or route hard"
        );
    }
    if (config.device.device == Device::cuda) {
        faults.emplace_back(
            "device = cuda: attention to kept keys and values has no kernel for a GPU; use cpu"
        );
    }
    return faults;
}

void describe_sampling(Options& options, GenerationRequest& request) {
    options.add("max-tokens", request.max_tokens, "of each prompt's continuation, at most");
    options.add(
        "temperature", request.sampling.temperature,
        "0: the likeliest token; else scores are divided by it and a token is drawn"
    );
    options.add("top-k", request.sampling.top_k, "draw among the k likeliest tokens; 0: all");
    options.add(
        "top-p", request.sampling.top_p,
        "draw among the fewest likeliest tokens whose probabilities sum to p"
    );
    options.add("seed", request.seed, "of the draws");
}

void describe(Options& options, GenerateConfig& config) {
    auto& request = config.request;
    options.add_positional("checkpoint", config.checkpoint, "model to look at");
    config.prompts.describe(options);
    describe_sampling(options, request);
    describe(options, request.routing, config.classifiers);
    options.add("language", config.language, "hard: tag of the prompts' language");
    describe(options, config.device);
    options.add(
        "logits-out", config.logits_out,
        "also write scores of what follows each token of prompt p, f32 [tokens, vocabulary], as "
        "tensor logits.p of this safetensors file"
    );
    options.add("out", config.output.out, "also write the result here, as JSON");
    options.add("json", config.output.json, "print one JSON document instead of text");
    options.add("quiet", config.output.quiet, "print nothing on standard output");
    options.add_check([&config] { return problems(config); });
}

void complete(GenerateConfig& config, ModelConfig const& model) {
    auto& request = config.request;
    request.routing.classify = asks_classifiers(config.classifiers, request.routing.mode, model);
    if (request.routing.mode == RoutingMode::hard) {
        request.expert = hard_expert_of(model, config.language);
    }
    request.wants_logits = !config.logits_out.empty();
}

void write_logits(
    std::filesystem::path const& path,
    std::vector<Generation> const& generations,
    std::int64_t vocab_size
) {
    std::vector<ForeignTensor> tensors;
    for (std::size_t p = 0; p < generations.size(); ++p) {
        auto const size = static_cast<std::int64_t>(generations[p].logits.size());
        tensors.push_back(
            {fmt::format("logits.{}", p), ForeignType::f32, {size / vocab_size, vocab_size}}
        );
    }
    SafetensorsWriter writer(path, tensors);
    for (auto const& its : generations) {
        writer.append(std::as_bytes(std::span(its.logits)));
    }
    writer.finish();
}

// Prompt and continuation as one text: a tokenizer may write the first token of a text otherwise
// than one within it.
std::string whole_text(Tokenizer const& tokenizer, Tokens tokens, Tokens const& more) {
    tokens.insert(tokens.end(), more.begin(), more.end());
    return tokenizer.decode(tokens);
}

// What the continuation adds to the prompt's text.
std::string added_text(Tokenizer const& tokenizer, Tokens const& prompt, Tokens const& more) {
    auto const before = tokenizer.decode(prompt);
    auto const whole = whole_text(tokenizer, prompt, more);
    return whole.starts_with(before) ? whole.substr(before.size()) : tokenizer.decode(more);
}

// Ids that end within a character give bytes that are no UTF-8; JSON has the replacement character.
Json text_json(std::string const& text) {
    return Json::parse(Json(text).dump(-1, ' ', false, Json::error_handler_t::replace));
}

Json to_json(
    GenerateConfig const& config,
    Prompts const& prompts,
    std::vector<Generation> const& generations,
    std::optional<Tokenizer> const& tokenizer
) {
    auto list = Json::array();
    for (std::size_t p = 0; p < generations.size(); ++p) {
        Json entry{
            {"prompt_tokens", prompts.tokens[p]},
            {"tokens", generations[p].tokens},
            {"ending", name_of(generations[p].ending)}};
        if (tokenizer) {
            entry["prompt"] = text_json(
                prompts.texts[p].empty() ? tokenizer->decode(prompts.tokens[p]) : prompts.texts[p]
            );
            entry["text"] =
                text_json(added_text(*tokenizer, prompts.tokens[p], generations[p].tokens));
        }
        list.push_back(std::move(entry));
    }
    return Json{{"checkpoint", config.checkpoint.string()}, {"prompts", list}};
}

std::string to_text(
    Prompts const& prompts,
    std::vector<Generation> const& generations,
    std::optional<Tokenizer> const& tokenizer
) {
    std::string text;
    for (std::size_t p = 0; p < generations.size(); ++p) {
        auto const& tokens = generations[p].tokens;
        text += tokenizer ? whole_text(*tokenizer, prompts.tokens[p], tokens)
                          : fmt::format("{}", fmt::join(tokens, ","));
        text += "\n";
    }
    return text;
}

}  // namespace

Exit run_generate(Arguments const& arguments, World const& world) {
    GenerateConfig config;
    Options options(
        "generate",
        "Goes on from prompts, for looking at a model: prompt and continuation on standard output, "
        "until the separator or max-tokens. A classifier that decides about sequences does so "
        "once, by the prompt's tokens."
    );
    describe(options, config);
    if (options.parse(arguments) == Parsed::help) {
        return print_help(options, world);
    }
    auto const stored = read_checkpoint(config.checkpoint, world.comm());
    auto const tokenizer = tokenizer_of(config.prompts, stored);
    auto const prompts = read_prompts(config.prompts, tokenizer);
    config.request.prompts = prompts.tokens;
    config.request.stop_token = tokenizer ? tokenizer->separator() : -1;
    auto model = load_model(stored, world, [&](ModelConfig const& its) { complete(config, its); });
    auto const generations = generate(model, config.request, world.comm());
    if (world.comm().rank() == 0) {
        if (config.request.wants_logits) {
            write_logits(config.logits_out, generations, model.config().vocab_size);
        }
        give_result(config.output, to_json(config, prompts, generations, tokenizer), [&] {
            return to_text(prompts, generations, tokenizer);
        });
    }
    return Exit::done;
}

}  // namespace isogloss
