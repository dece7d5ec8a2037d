// train/probe.cpp
#include "train/probe.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <optional>

#include "base/clock.h"
#include "base/file.h"
#include "base/text.h"
#include "checkpoint/attempt.h"
#include "checkpoint/load.h"
#include "comm/collective.h"
#include "train/data_order.h"
#include "train/deviation_similarity.h"
#include "train/language_probe.h"

namespace isogloss {
namespace {

// What all parts of a probe look at.
struct ProbeWork {
    ProbeConfig const& config;
    StoredCheckpoint const& base;
    Corpus const& corpus;
    MpiComm const& world;
    StopSignal const& stop;
    Log& log;
};

// What decides about the content of a language's file. Ranks and micro-batches change roundings
// only.
Json fingerprint(ProbeWork const& work, std::string const& tag) {
    auto const& config = work.config;
    auto const language = static_cast<std::size_t>(work.corpus.language_index(tag));
    return {
        {"base", work.base.manifest_sha256},
        {"text", work.corpus.languages()[language].sha256},
        {"documents", config.documents},
        {"steps", config.steps},
        {"rows", config.rows},
        {"row-length", config.row_length},
        {"seed", config.seed},
        {"learning-rate", config.learning_rate},
        {"similarity-layers", config.similarity_layers},
        {"ffn-weights", config.ffn_weights == FfnWeights::all ? "all" : "up-down"}};
}

void check_base(ProbeConfig const& config, StoredCheckpoint const& base, Corpus const& corpus) {
    auto const& model = base.manifest.config;
    require_tokenizer(
        base, corpus.manifest().tokenizer_sha256, corpus.manifest().separator,
        "corpus " + corpus.directory().string()
    );
    for (std::size_t i = 0; i < model.layers.size(); ++i) {
        require_usage(
            model.layers[i].num_experts() == 1,
            "{}: layer {} has {} experts; the probe starts from a dense model",
            base.folder.string(), i, model.layers[i].num_experts()
        );
    }
    require_usage(
        config.similarity_layers <= model.num_layers(),
        "similarity-layers = {}: the model has {} layers", config.similarity_layers,
        model.num_layers()
    );
    require_usage(
        config.row_length <= model.max_positions,
        "row-length = {}: the model takes at most {} positions", config.row_length,
        model.max_positions
    );
}

// Rows of text that a language has, none of them twice.
std::int64_t rows_of_text(ProbeConfig const& config, Corpus const& corpus, std::string const& tag) {
    auto const language = corpus.language_index(tag);
    auto const& counts =
        corpus.languages()[static_cast<std::size_t>(language)].counts(Split::train);
    auto const kept =
        config.documents > 0 ? std::min(config.documents, counts.documents) : counts.documents;
    auto const tokens =
        corpus.document_start(language, Split::train)[static_cast<std::size_t>(kept)];
    return std::max<std::int64_t>(tokens - 1, 0) / config.row_length;
}

std::vector<std::string> languages_with_text(ProbeWork const& work) {
    auto const& config = work.config;
    auto languages = config.languages;
    if (languages.empty()) {
        for (auto const& record : work.corpus.languages()) {
            languages.push_back(record.tag);
        }
    }
    std::vector<std::string> enough;
    std::vector<std::string> small;
    for (auto const& tag : languages) {
        auto const rows = rows_of_text(config, work.corpus, tag);
        if (rows >= config.steps * config.rows) {
            enough.push_back(tag);
        } else {
            small.push_back(fmt::format("{} ({} rows)", tag, rows));
        }
    }
    auto const text = fmt::format(
        "too little text for {} steps of {} rows of {} tokens: {}", config.steps, config.rows,
        config.row_length, fmt::join(small, ", ")
    );
    require_data(
        small.empty() || (config.small == SmallLanguages::skip && !enough.empty()),
        "{}: {}; take fewer or shorter rows, raise documents, or leave languages out with "
        "--skip-small",
        work.corpus.directory().string(), text
    );
    if (!small.empty() && work.world.rank() == 0) {
        work.log.warning(text + ": left out");
    }
    return enough;
}

// Languages without a file that is worth keeping.
std::vector<std::string> find_pending(
    ProbeWork const& work, std::vector<std::string> const& languages
) {
    std::vector<std::string> pending;
    std::vector<std::string> stale;
    for (auto const& tag : languages) {
        auto const path = probe_file(work.config.out, tag);
        auto const record = read_probe(path);
        auto const changed = record ? difference(record->fingerprint, fingerprint(work, tag)) : "";
        if (!changed.empty()) {
            stale.push_back(fmt::format("{} ({})", path.string(), changed));
        }
        if (!record || !changed.empty()) {
            pending.push_back(tag);
        }
    }
    require_usage(
        stale.empty() || work.config.stale == StaleFiles::redo,
        "{} files were made from another base, text or options, first {}; name another --out, or "
        "give --redo to make them again",
        stale.size(), stale.empty() ? "" : stale.front()
    );
    for (auto const& file : stale) {
        work.log.info("made again: " + file);
    }
    return pending;
}

// The same on every rank. Rank 0 looks, as another rank's view of a network disk may be older.
// Collective.
std::vector<std::string> pending_languages(
    ProbeWork const& work, std::vector<std::string> const& languages
) {
    std::string pending;
    Attempt attempt;
    attempt.run([&] {
        if (work.world.rank() == 0) {
            auto const found = find_pending(work, languages);
            make_folders(work.config.out);
            pending = fmt::format("{}", fmt::join(found, ","));
            work.log.info(fmt::format(
                "{} languages, {} of them done before", languages.size(),
                languages.size() - found.size()
            ));
        }
    });
    attempt.agree(work.world);
    broadcast(pending, 0, work.world);
    return split_at_commas(pending);
}

// False when stopped. Collective over `group`.
bool probe_in_turn(
    ProbeWork const& work,
    std::vector<std::string> const& languages,
    MpiComm const& group,
    Progress& progress
) {
    LanguageProbe probe(work.config, work.base, work.corpus, group);
    double done = 0.0;
    for (auto const& tag : languages) {
        Timer const timer;
        auto record = probe.run(tag, [&](std::int64_t step) {
            progress.update(done + static_cast<double>(step), tag);
            return !work.stop.requested();
        });
        done += static_cast<double>(work.config.steps);
        if (!record) {
            return false;
        }
        if (group.rank() == 0) {
            record->fingerprint = fingerprint(work, tag);
            probe.write(*record, probe_file(work.config.out, tag));
            work.log.info_of_rank(fmt::format(
                "{}: loss {:.4f} in step 1, {:.4f} in step {}; {:.1f} s", tag, record->first_loss,
                record->last_loss, work.config.steps, timer.seconds()
            ));
        }
    }
    return true;
}

// Groups of ranks take turns at the list. False when any was stopped. Collective.
bool probe_all(
    ProbeWork const& work, std::vector<std::string> const& pending, ProgressStyle style
) {
    auto const ranks = static_cast<int>(work.config.ranks_per_language);
    auto const groups = static_cast<std::size_t>(work.world.size() / ranks);
    auto const mine = work.world.rank() / ranks;
    auto const group = MpiComm::split(work.world.get(), mine, work.world.rank());
    std::vector<std::string> languages;
    for (auto i = static_cast<std::size_t>(mine); i < pending.size(); i += groups) {
        languages.push_back(pending[i]);
    }
    bool finished = true;
    if (!languages.empty()) {
        Progress progress(
            progress_style(style, work.world.rank()), "probe",
            static_cast<double>(languages.size()) * static_cast<double>(work.config.steps), "steps"
        );
        finished = probe_in_turn(work, languages, group, progress);
    }
    return !any_of(!finished, work.world);
}

std::vector<ProbeRecord> read_all(
    ProbeConfig const& config, std::vector<std::string> const& languages
) {
    std::vector<ProbeRecord> records;
    for (auto const& tag : languages) {
        auto const path = probe_file(config.out, tag);
        auto record = read_probe(path);
        require_data(record.has_value(), "{}: is gone since it was written", path.string());
        records.push_back(std::move(*record));
    }
    return records;
}

// Collective.
void write_results(ProbeWork const& work, ProbeResult& result) {
    auto const& out = work.config.out;
    std::vector<std::filesystem::path> files;
    for (auto const& tag : result.languages) {
        files.push_back(probe_file(out, tag));
    }
    auto const similarity = deviation_similarity(files, work.world);
    Attempt attempt;
    attempt.run([&] {
        if (work.world.rank() == 0) {
            result.records = read_all(work.config, result.languages);
            write_json(out / "deviation.json", deviation_json(result.languages, result.records));
            write_json(out / "similarity.json", similarity_json(result.languages, similarity));
        }
    });
    attempt.agree(work.world);
}

}  // namespace

ProbeResult run_probe(
    ProbeConfig const& asked,
    MpiComm const& world,
    StopSignal const& stop,
    ProgressStyle style,
    Log& log
) {
    Corpus const corpus(asked.corpus);
    auto const base = read_checkpoint(asked.from, world);
    auto config = asked;
    if (config.similarity_layers == 0) {
        config.similarity_layers = std::min<std::int64_t>(3, base.manifest.config.num_layers());
    }
    check_base(config, base, corpus);
    ProbeWork const work{config, base, corpus, world, stop, log};
    ProbeResult result;
    result.languages = languages_with_text(work);
    if (probe_all(work, pending_languages(work, result.languages), style)) {
        if (config.results == ProbeResults::write) {
            write_results(work, result);
        }
        return result;
    }
    log.info("stopped on request; run the same command again to go on");
    result.exit = Exit::stopped;
    return result;
}

}  // namespace isogloss
