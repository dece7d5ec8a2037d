// cli/corpus_build.cpp
#include <cstdint>
#include <cstdio>
#include <optional>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/file.h"
#include "base/log.h"
#include "base/progress.h"
#include "base/table.h"
#include "cli/stoppable.h"
#include "cli/text_input.h"
#include "comm/collective.h"
#include "comm/world.h"
#include "corpus/corpus_builder.h"

namespace isogloss {
namespace {

constexpr std::int64_t kMostRangeMb = std::int64_t{1} << 20;

struct BuildConfig {
    TextInput input;
    BuildPlan plan;
    bool add = false;
    std::string tokenizer;
    std::string separator;
    std::optional<double> valid_share;
    std::int64_t range_mb = kInputPieceBytes >> 20;
    bool json = false;
};

void describe(Options& options, BuildConfig& config) {
    auto& plan = config.plan;
    describe(options, config.input);
    options.add(
        "out", plan.out, "the corpus: a new folder, or with --add one that is there",
        Presence::required
    );
    options.add("add", config.add, "adds languages to a corpus; none of its files is touched");
    options.add(
        "tokenizer", config.tokenizer,
        "\"bytes\", a SentencePiece model, or a tokenizer.json; none: bytes, or with --add the "
        "corpus' "
        "own"
    );
    options.add(
        "separator", config.separator,
        "token that begins documents; none: the tokenizer's own, or with --add the corpus'"
    );
    options.add(
        "valid-share", config.valid_share,
        "of documents held out, in [0, 1); none: 0.01, or with --add the corpus' own"
    );
    options.add_choice(
        "duplicates", plan.duplicates, {{"drop", Duplicates::drop}, {"keep", Duplicates::keep}},
        "documents whose text came before in the same language"
    );
    options.add(
        "range-mb", config.range_mb,
        "MiB of text files that a rank takes at a time; larger plain files are cut"
    );
    options.add("max-bad", plan.max_bad, "per cent of a language's records that may be bad");
    options.add("source", plan.source, "where the text is from; none: the files' names");
    options.add("licence", plan.licence, "of the text");
    options.add("json", config.json, "print one JSON document instead of a table");
    options.add_check([&config, &plan] {
        std::vector<std::string> faults;
        auto const share = config.valid_share.value_or(0.0);
        if (!(share >= 0.0 && share < 1.0)) {
            faults.push_back(fmt::format("valid-share = {}: must lie in [0, 1)", share));
        }
        if (config.range_mb < 1 || config.range_mb > kMostRangeMb) {
            faults.push_back(
                fmt::format("range-mb = {}: must lie in [1, {}]", config.range_mb, kMostRangeMb)
            );
        }
        if (!(plan.max_bad >= 0.0 && plan.max_bad <= 100.0)) {
            faults.push_back(fmt::format("max-bad = {}: must lie in [0, 100]", plan.max_bad));
        }
        return faults;
    });
}

void report(
    std::vector<LanguageReport> const& reports, BuildConfig const& config, double seconds, Log& log
) {
    Json languages = Json::array();
    Table table(
        {"language", "documents", "held out", "tokens", "bytes of text", "duplicates",
         "bad records"}
    );
    for (auto const& [record, places] : reports) {
        auto const sum = record.both_splits();
        table.add_row(
            {record.tag, std::to_string(sum.documents),
             std::to_string(record.counts(Split::valid).documents), std::to_string(sum.tokens),
             std::to_string(sum.bytes_of_text), std::to_string(record.duplicates),
             std::to_string(record.faulty())}
        );
        auto entry = to_json(record);
        entry["faults"]["places"] = places;
        languages.push_back(entry);
        for (auto const& place : places) {
            log.warning(record.tag + ": skipped " + place);
        }
    }
    Json const value{
        {"corpus", config.plan.out.string()}, {"seconds", seconds}, {"languages", languages}};
    fmt::print("{}", config.json ? value.dump(2) + "\n" : table.text());
}

// One rank asks the file system which files there are, and how large; the others are told.
std::vector<LanguageText> list_text(BuildConfig const& config, MpiComm const& comm) {
    std::string text;
    if (comm.rank() == 0) {
        text = to_text(cut_input(read_input_list(config.input.words), config.range_mb << 20));
    }
    broadcast(text, 0, comm);
    return language_texts(text);
}

// What is not said is as in the corpus that languages are added to.
Tokenizer complete(BuildConfig& config) {
    constexpr double kValidShare = 0.01;
    auto& plan = config.plan;
    plan.mode = config.add ? BuildMode::add : BuildMode::create;
    plan.format = config.input.format;
    auto share = kValidShare;
    if (config.add) {
        auto const manifest = read_corpus_manifest(plan.out);
        share = manifest.valid_share;
        if (config.tokenizer.empty() && manifest.tokenizer_kind != "bytes") {
            auto const copy = plan.out / corpus_tokenizer_file(manifest.tokenizer_kind);
            plan.valid_share = config.valid_share.value_or(share);
            return config.separator.empty() ? Tokenizer::open(copy.string(), manifest.separator)
                                            : Tokenizer::open(copy.string(), config.separator);
        }
    }
    plan.valid_share = config.valid_share.value_or(share);
    return Tokenizer::open(config.tokenizer.empty() ? "bytes" : config.tokenizer, config.separator);
}

// Every phase ends on all ranks before the next begins, and a fault of one rank is everybody's.
// Nothing when asked to stop.
std::optional<std::vector<LanguageReport>> build(
    BuildConfig const& config, Tokenizer const& tokenizer, MpiComm const& comm
) {
    CorpusBuilder const builder(config.plan, tokenizer);
    if (comm.rank() == 0) {
        builder.prepare();
    }
    barrier(comm);
    auto const bytes = static_cast<double>(builder.bytes_of_rank(comm.rank(), comm.size()));
    Progress progress(progress_style(ProgressStyle::automatic, comm.rank()), "corpus", bytes, "B");
    double done = 0.0;
    builder.make_parts(
        comm.rank(), comm.size(),
        [&](std::int64_t more, std::string const& language) {
            done += static_cast<double>(more);
            progress.update(done, language);
        }
    );
    if (any_of(config.plan.stop(), comm)) {
        return std::nullopt;
    }
    progress.finish();
    auto const problem = builder.assemble(comm.rank(), comm.size());
    bool const is_bad = any_of(!problem.empty(), comm);
    if (is_bad && comm.rank() == 0) {
        builder.clean_up();
    }
    barrier(comm);
    fail_together(Exit::data, problem, comm);
    if (any_of(config.plan.stop(), comm)) {
        return std::nullopt;
    }
    return comm.rank() == 0 ? builder.commit() : std::vector<LanguageReport>{};
}

}  // namespace

Exit run_corpus_build(Arguments const& arguments, World const& world, Job& job) {
    BuildConfig config;
    Options options(
        "corpus build",
        "Tokenizes text into a corpus, on as many ranks as there are: the same bytes on any "
        "number. "
        "Asked to stop (SIGTERM, SIGUSR1, SIGUSR2, a file STOP in OUT.partial, a clock) it ends "
        "with "
        "exit code 75; stopped or killed, the same command goes on where it was."
    );
    describe(options, config);
    job.describe(options);
    if (options.parse(with_one_input(arguments)) == Parsed::help) {
        return print_help(options, world);
    }
    Timer const timer;
    Log log(world.comm().rank());
    job.begin(options.resolved(), {});
    job.heed(without_last_slash(config.plan.out).string() + ".partial/STOP");
    config.plan.stop = [&job] { return job.stop().requested(); };
    auto const tokenizer = complete(config);
    config.plan.languages = list_text(config, world.comm());
    auto const reports = build(config, tokenizer, world.comm());
    if (!reports) {
        return Exit::stopped;
    }
    if (world.comm().rank() == 0) {
        report(*reports, config, timer.seconds(), log);
    }
    return Exit::done;
}

}  // namespace isogloss
