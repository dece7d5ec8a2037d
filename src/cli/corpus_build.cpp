// cli/corpus_build.cpp
#include <cstdio>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/log.h"
#include "base/progress.h"
#include "base/table.h"
#include "cli/commands.h"
#include "cli/text_input.h"
#include "comm/collective.h"
#include "comm/world.h"
#include "corpus/corpus_builder.h"

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

}  // namespace isogloss
