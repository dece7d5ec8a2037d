// cli/corpus.cpp
#include <cmath>
#include <cstdio>
#include <filesystem>

#include "base/clock.h"
#include "base/log.h"
#include "base/progress.h"
#include "base/table.h"
#include "base/text.h"
#include "cli/commands.h"
#include "cli/text_input.h"
#include "comm/collective.h"
#include "comm/world.h"
#include "corpus/corpus.h"
#include "corpus/corpus_builder.h"
#include "corpus/mixture.h"

namespace isogloss {
namespace {

struct BuildConfig {
    TextInput input;
    BuildPlan plan;
    std::string tokenizer = "bytes";
    bool json = false;
};

void describe(Options& options, BuildConfig& config) {
    auto& plan = config.plan;
    describe(options, config.input);
    options.add("out", plan.out, "the corpus to make, a new folder", Presence::required);
    options.add("tokenizer", config.tokenizer, "\"bytes\", or a SentencePiece model file");
    options.add("valid-share", plan.valid_share, "of documents held out, in [0, 1)");
    options.add("max-bad", plan.max_bad, "per cent of a language's records that may be bad");
    options.add("source", plan.source, "where the text is from; none: the files' names");
    options.add("licence", plan.licence, "of the text");
    options.add("json", config.json, "print one JSON document instead of a table");
    options.add_check([&plan] {
        std::vector<std::string> faults;
        if (!(plan.valid_share >= 0.0 && plan.valid_share < 1.0)) {
            faults.push_back(fmt::format("valid-share = {}: must lie in [0, 1)", plan.valid_share));
        }
        if (!(plan.max_bad >= 0.0 && plan.max_bad <= 100.0)) {
            faults.push_back(fmt::format("max-bad = {}: must lie in [0, 100]", plan.max_bad));
        }
        return faults;
    });
}

void print(std::string const& text) {
    std::fwrite(text.data(), 1, text.size(), stdout);
}

void report(
    std::vector<LanguageReport> const& reports, BuildConfig const& config, double seconds, Log& log
) {
    Json languages = Json::array();
    Table table({"language", "documents", "held out", "tokens", "bytes of text", "bad records"});
    for (auto const& [record, records, faults] : reports) {
        auto const& train = record.counts(Split::train);
        auto const& valid = record.counts(Split::valid);
        table.add_row(
            {record.tag, std::to_string(train.documents), std::to_string(valid.documents),
             std::to_string(train.tokens + valid.tokens),
             std::to_string(train.bytes_of_text + valid.bytes_of_text),
             std::to_string(faults.total())}
        );
        auto entry = to_json(record);
        entry["records"] = records;
        entry["faults"] = to_json(faults);
        languages.push_back(entry);
        for (auto const& place : faults.places) {
            log.warning(record.tag + ": skipped " + place);
        }
    }
    Json const value{
        {"corpus", config.plan.out.string()}, {"seconds", seconds}, {"languages", languages}};
    print(config.json ? value.dump(2) + "\n" : table.text());
}

// Every phase ends on all ranks before the next begins, and a fault of one rank is everybody's.
std::vector<LanguageReport> build(
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
    progress.finish();
    barrier(comm);
    auto const problem = builder.assemble(comm.rank(), comm.size());
    bool const is_bad = any_of(!problem.empty(), comm);
    if (is_bad && comm.rank() == 0) {
        builder.clean_up();
    }
    barrier(comm);
    fail_together(Exit::data, problem, comm);
    return comm.rank() == 0 ? builder.commit() : std::vector<LanguageReport>{};
}

// Counts of both splits together.
SplitCounts all_of(LanguageRecord const& record) {
    auto sum = record.counts(Split::train);
    auto const& valid = record.counts(Split::valid);
    sum.documents += valid.documents;
    sum.tokens += valid.tokens;
    sum.bytes_of_text += valid.bytes_of_text;
    return sum;
}

std::vector<double> shares(Corpus const& corpus, double temperature) {
    std::vector<std::int64_t> tokens;
    std::int64_t sum = 0;
    for (auto const& record : corpus.languages()) {
        tokens.push_back(record.counts(Split::train).tokens);
        sum += tokens.back();
    }
    return sum > 0 ? temperature_weights(tokens, temperature)
                   : std::vector<double>(tokens.size(), 0.0);
}

Json info_json(Corpus const& corpus, double temperature) {
    auto const share = shares(corpus, temperature);
    auto const& manifest = corpus.manifest();
    Json languages = Json::array();
    for (std::size_t i = 0; i < corpus.languages().size(); ++i) {
        auto entry = to_json(corpus.languages()[i]);
        auto const sum = all_of(corpus.languages()[i]);
        entry["bytes_per_token"] = static_cast<double>(sum.bytes_of_text) /
                                   static_cast<double>(std::max<std::int64_t>(1, sum.tokens));
        entry["share"] = share[i];
        languages.push_back(entry);
    }
    return {
        {"corpus", corpus.directory().string()},
        {"tokenizer", {{"kind", manifest.tokenizer_kind}, {"sha256", manifest.tokenizer_sha256}}},
        {"vocab_size", manifest.vocab_size},
        {"valid_share", manifest.valid_share},
        {"temperature", temperature},
        {"languages", languages},
    };
}

std::string info_text(Corpus const& corpus, double temperature) {
    auto const share = shares(corpus, temperature);
    Table table(
        {"language", "documents", "held out", "tokens", "bytes of text", "bytes/token", "share %"}
    );
    SplitCounts total;
    auto const row = [&](std::string const& name, SplitCounts const& sum, std::int64_t held_out,
                         double part) {
        auto const ratio = static_cast<double>(sum.bytes_of_text) /
                           static_cast<double>(std::max<std::int64_t>(1, sum.tokens));
        table.add_row(
            {name, std::to_string(sum.documents), std::to_string(held_out),
             count_text(static_cast<double>(sum.tokens)), bytes_text(sum.bytes_of_text),
             decimal_text(ratio, 2), decimal_text(100.0 * part, 2)}
        );
    };
    std::int64_t held_out = 0;
    for (std::size_t i = 0; i < corpus.languages().size(); ++i) {
        auto const& record = corpus.languages()[i];
        auto const sum = all_of(record);
        row(record.tag, sum, record.counts(Split::valid).documents, share[i]);
        total.documents += sum.documents;
        total.tokens += sum.tokens;
        total.bytes_of_text += sum.bytes_of_text;
        held_out += record.counts(Split::valid).documents;
    }
    table.add_rule();
    row("all", total, held_out, 1.0);
    auto const& manifest = corpus.manifest();
    return table.text() + fmt::format(
                              "\ntokenizer {} of {} tokens, {}; shares at temperature {}\n",
                              manifest.tokenizer_kind, manifest.vocab_size,
                              manifest.tokenizer_sha256.substr(0, 12), temperature
                          );
}

}  // namespace

Exit run_corpus_build(Arguments const& arguments, World const& world) {
    BuildConfig config;
    Options options(
        "corpus build",
        "Tokenizes text into a corpus, on as many ranks as there are: the same bytes on any "
        "number. "
        "Stopped or killed, the same command goes on where it was."
    );
    describe(options, config);
    if (options.parse(with_one_input(arguments)) == Parsed::help) {
        return print_help(options, world);
    }
    Timer const timer;
    Log log(world.comm().rank());
    config.plan.languages = read_input_list(config.input.words);
    config.plan.format = config.input.format;
    auto const tokenizer = Tokenizer::open(config.tokenizer);
    auto const reports = build(config, tokenizer, world.comm());
    if (world.comm().rank() == 0) {
        report(reports, config, timer.seconds(), log);
    }
    return Exit::done;
}

Exit run_corpus_info(Arguments const& arguments) {
    std::filesystem::path directory;
    double temperature = 5.0;
    bool json = false;
    Options options("corpus info", "Describes a corpus, language by language.");
    options.add_positional("corpus", directory, "folder that `corpus build` made");
    options.add("temperature", temperature, "of the mixture whose shares are shown");
    options.add("json", json, "print one JSON document instead of a table");
    if (options.parse(arguments) == Parsed::help) {
        return print_help(options);
    }
    Corpus const corpus(directory);
    print(json ? info_json(corpus, temperature).dump(2) + "\n" : info_text(corpus, temperature));
    return Exit::done;
}

Exit run_corpus_verify(Arguments const& arguments) {
    std::filesystem::path directory;
    bool json = false;
    Options options(
        "corpus verify", "Hashes all files of a corpus again and checks every token and border."
    );
    options.add_positional("corpus", directory, "folder that `corpus build` made");
    options.add("json", json, "print one JSON document");
    if (options.parse(arguments) == Parsed::help) {
        return print_help(options);
    }
    Timer const timer;
    verify_corpus(directory);
    auto const languages = read_corpus_manifest(directory).languages.size();
    Json const value{{"corpus", directory.string()}, {"languages", languages}, {"verified", true}};
    print(
        json ? value.dump(2) + "\n"
             : fmt::format(
                   "{}: {} languages, all as built ({})\n", directory.string(), languages,
                   duration_text(timer.seconds())
               )
    );
    return Exit::done;
}

}  // namespace isogloss
