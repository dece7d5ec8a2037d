// cli/corpus_mixture.cpp
#include "cli/corpus_mixture.h"

#include <fmt/ranges.h>

#include <algorithm>
#include <filesystem>

#include "base/log.h"
#include "base/table.h"
#include "base/text.h"
#include "checkpoint/manifest.h"
#include "cli/result.h"
#include "train/data_order.h"
#include "train/mixture_plan.h"

namespace isogloss {
namespace {

struct MixtureRequest {
    RunConfig run;
    std::filesystem::path corpus;
    ResultOutput output;
};

std::vector<std::string> problems(MixtureRequest& request) {
    auto& run = request.run;
    if (!request.corpus.empty()) {
        run.data.corpus = request.corpus;
    }
    auto faults = problems(run, 1);
    if (run.data.corpus.empty()) {
        faults.emplace_back("corpus: name the folder of one, or give data.corpus");
    }
    if (run.data.order == OrderRule::group_chunks && run.from.empty()) {
        faults.emplace_back("data.order = group-chunks: groups are a model's; give run.from");
    }
    return faults;
}

PlannedLanguage sum_of(std::vector<PlannedLanguage> const& plan, bool replayed_only) {
    PlannedLanguage sum;
    for (auto const& language : plan) {
        if (language.replayed || !replayed_only) {
            sum.text_tokens += language.text_tokens;
            sum.share += language.share;
            sum.rows += language.rows;
            sum.tokens += language.tokens;
        }
    }
    sum.tag = replayed_only ? "replayed" : "all";
    sum.epochs = sum.tokens / static_cast<double>(std::max<std::int64_t>(1, sum.text_tokens));
    return sum;
}

Json as_json(PlannedLanguage const& language) {
    return {{"language", language.tag},     {"replayed", language.replayed},
            {"text", language.text_tokens}, {"share", language.share},
            {"rows", language.rows},        {"tokens", language.tokens},
            {"epochs", language.epochs}};
}

Json as_json(MixtureRequest const& request, std::vector<PlannedLanguage> const& plan) {
    Json languages = Json::array();
    Json often = Json::array();
    for (auto const& language : plan) {
        languages.push_back(as_json(language));
    }
    for (auto const& language : often_read(plan)) {
        often.push_back(language.tag);
    }
    auto const& train = request.run.train;
    return {
        {"corpus", request.run.data.corpus.string()},
        {"rule", mixture_rule(request.run.data)},
        {"steps", train.steps},
        {"rows", train.rows},
        {"row_length", train.row_length},
        {"tokens", sum_of(plan, false).tokens},
        {"replayed_tokens", sum_of(plan, true).tokens},
        {"usual_epochs", kUsualEpochs},
        {"above_usual_epochs", often},
        {"languages", languages}};
}

std::string as_text(MixtureRequest const& request, std::vector<PlannedLanguage> const& plan) {
    Table table({"language", "text", "share %", "rows", "tokens", "epochs", ""});
    auto const add = [&](PlannedLanguage const& language) {
        table.add_row(
            {language.tag, count_text(static_cast<double>(language.text_tokens)),
             decimal_text(100.0 * language.share, 3), decimal_text(language.rows, 1),
             count_text(language.tokens), decimal_text(language.epochs, 3),
             language.replayed ? "replayed" : ""}
        );
    };
    std::ranges::for_each(plan, add);
    table.add_rule();
    if (std::ranges::any_of(plan, &PlannedLanguage::replayed)) {
        add(sum_of(plan, true));
    }
    add(sum_of(plan, false));
    auto const& train = request.run.train;
    return table.text() + fmt::format(
                              "\n{}: {} steps of {} rows of {} tokens\n{}\n",
                              mixture_rule(request.run.data), train.steps, train.rows,
                              train.row_length, mixture_summary(plan)
                          );
}

void warn_of_epochs(std::vector<PlannedLanguage> const& plan, Log& log) {
    constexpr std::size_t kNamed = 8;
    auto const often = often_read(plan);
    if (often.empty()) {
        return;
    }
    std::vector<std::string> named;
    for (std::size_t i = 0; i < std::min(kNamed, often.size()); ++i) {
        named.push_back(fmt::format("{} {}", often[i].tag, decimal_text(often[i].epochs, 1)));
    }
    log.warning(fmt::format(
        "{} of {} languages are read more than {} times, which teaches less and less: {}{}; see "
        "data.unimax",
        often.size(), plan.size(), kUsualEpochs, fmt::join(named, ", "),
        often.size() > kNamed ? ", ..." : ""
    ));
}

}  // namespace

Exit run_corpus_mixture(Arguments const& arguments) {
    MixtureRequest request;
    Options options(
        "corpus info --mixture",
        "Says what a run of `train` with these options will read of each language: rows, tokens, "
        "epochs."
    );
    options.add_positional(
        "corpus", request.corpus, "folder that `corpus build` made; none: data.corpus",
        Presence::optional
    );
    describe(options, request.run, Presence::optional);
    options.add("out", request.output.out, "also write the plan here, as JSON");
    options.add("json", request.output.json, "print one JSON document instead of a table");
    options.add_check([&] { return problems(request); });
    if (options.parse(arguments) == Parsed::help) {
        return print_help(options);
    }
    auto const& run = request.run;
    Corpus const corpus(run.data.corpus);
    auto const model = run.data.order == OrderRule::group_chunks
                           ? read_checkpoint(run.from).manifest.config
                           : ModelConfig{};
    auto const plan = plan_mixture(run, corpus, make_order(run, corpus, model));
    give_result(request.output, as_json(request, plan), [&] { return as_text(request, plan); });
    Log log;
    warn_of_epochs(plan, log);
    return Exit::done;
}

}  // namespace isogloss
