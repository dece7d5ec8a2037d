// cli/bench_loader.cpp
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <optional>

#include "base/clock.h"
#include "base/math.h"
#include "base/random.h"
#include "base/require.h"
#include "base/table.h"
#include "base/text.h"
#include "cli/commands.h"
#include "cli/loader_sources.h"
#include "cli/median.h"
#include "cli/result.h"
#include "corpus/corpus_part.h"
#include "corpus/loader.h"

namespace isogloss {
namespace {

enum class Cache : std::uint8_t { warm, cold };

struct BenchConfig {
    std::filesystem::path corpus;
    std::filesystem::path scratch = std::filesystem::temp_directory_path();
    std::int64_t synthetic_mb = 0;
    std::int64_t languages = 128;
    std::int64_t window = 2048;
    std::int64_t windows = 20000;
    std::int64_t rounds = 5;
    std::int64_t rows = 64;
    Cache cache = Cache::warm;
    ResultOutput output;
};

void describe(Options& options, BenchConfig& config) {
    options.add_positional(
        "corpus", config.corpus, "folder that `corpus build` made", Presence::optional
    );
    options.add(
        "synthetic-mb", config.synthetic_mb, "MB of random tokens to read, without a corpus"
    );
    options.add("languages", config.languages, "of the synthetic corpus, at most 500");
    options.add("window", config.window, "tokens");
    options.add("windows", config.windows, "read in a round");
    options.add("rounds", config.rounds, "whose median is shown");
    options.add("rows", config.rows, "of a step of the loader");
    options.add_choice(
        "cache", config.cache, {{"warm", Cache::warm}, {"cold", Cache::cold}},
        "of the kernel: warm, read once before; cold, every round after the files were dropped"
    );
    options.add("scratch", config.scratch, "folder for the flat file and the synthetic corpus");
    options.add("out", config.output.out, "also write the result here, as JSON");
    options.add("json", config.output.json, "print one JSON document instead of a table");
    options.add_check([&config] {
        std::vector<std::string> faults;
        if (std::min({config.window, config.windows, config.rounds, config.rows}) < 1) {
            faults.emplace_back("window, windows, rounds, rows: must be above 0");
        }
        if (config.languages < 1 || config.languages > 500) {
            faults.push_back(fmt::format("languages = {}: must lie in [1, 500]", config.languages));
        }
        if (config.corpus.empty() == (config.synthetic_mb <= 0)) {
            faults.emplace_back("name a corpus, or give synthetic-mb");
        }
        return faults;
    });
}

/// A window of one of the two sources.
struct Place {
    std::int32_t language = 0;
    std::int64_t first = 0;    ///< in the language's stream
    std::int64_t in_flat = 0;  ///< in the flat file of all languages
};

std::vector<Place> random_places(
    Corpus const& corpus, BenchConfig const& config, std::uint64_t round
) {
    std::vector<std::int64_t> begin{0};
    for (std::int32_t i = 0; i < static_cast<std::int32_t>(corpus.languages().size()); ++i) {
        begin.push_back(begin.back() + corpus.tokens(i, Split::train));
    }
    std::vector<Place> places;
    for (std::uint64_t i = 0; static_cast<std::int64_t>(places.size()) < config.windows; ++i) {
        require_data(
            i < 100U * static_cast<std::uint64_t>(config.windows), "{}: no language has {} tokens",
            corpus.directory().string(), config.window
        );
        auto const at = static_cast<std::int64_t>(
            random_uniform(1, round, i) * static_cast<double>(begin.back())
        );
        auto const next = std::ranges::upper_bound(begin, at);
        if (at + config.window <= *next) {
            auto const language = static_cast<std::int32_t>(next - begin.begin()) - 1;
            places.push_back({language, at - *(next - 1), at});
        }
    }
    return places;
}

void read_window(Corpus const& corpus, Place const& place, std::span<std::int32_t> out) {
    corpus.window(place.language, Split::train, place.first, out);
}
void read_window(FlatFile const& flat, Place const& place, std::span<std::int32_t> out) {
    flat.window(place.in_flat, out);
}
void prefetch(Corpus const& corpus, Place const& place, std::int64_t window) {
    corpus.prefetch(place.language, Split::train, place.first, window);
}
void prefetch(FlatFile const& flat, Place const& place, std::int64_t window) {
    flat.prefetch(place.in_flat, window);
}

/// Windows one after the other; or, as the loader reads them, the windows of a step asked for
/// before the first of them is read.
enum class Reading : std::uint8_t { plain, prefetched };

constexpr std::array<std::pair<Reading, char const*>, 2> kReadings{
    {{Reading::plain, "plain"}, {Reading::prefetched, "prefetched"}}};

template <class Source>
double tokens_a_second(
    Source const& source,
    std::vector<Place> const& places,
    BenchConfig const& config,
    Reading reading
) {
    std::vector<std::int32_t> out(static_cast<std::size_t>(config.window));
    std::int64_t sum = 0;  // used below, so that no copy is left out
    Timer const timer;
    for (std::size_t begin = 0; begin < places.size(); begin += index(config.rows)) {
        auto const step = std::span(places).subspan(begin);
        auto const rows = step.first(std::min(step.size(), index(config.rows)));
        for (auto const& place : reading == Reading::prefetched ? rows : rows.first(0)) {
            prefetch(source, place, config.window);
        }
        for (auto const& place : rows) {
            read_window(source, place, out);
            sum += out.front() + out.back();
        }
    }
    auto const seconds = timer.seconds();
    require(sum >= 0, "tokens sum to {}", sum);
    return static_cast<double>(places.size()) * static_cast<double>(config.window) / seconds;
}

/// Tokens a second of each round.
struct Rates {
    std::map<Reading, std::vector<double>> corpus;
    std::map<Reading, std::vector<double>> flat;
    std::vector<double> loader;
    double plan_seconds = 0.0;  ///< of one row
};

/// Median of the rounds' ratios: a load on the machine hits both of a round.
double ratio_of(std::vector<double> rates, std::vector<double> const& to) {
    std::ranges::transform(rates, to, rates.begin(), std::divides());
    return median(std::move(rates));
}

/// Both sources, opened anew for each round that is to be cold: what is mapped stays in the cache.
class Sources {
public:
    Sources(std::filesystem::path corpus, std::filesystem::path flat, Cache cache)
        : corpus_path_(std::move(corpus)), flat_path_(std::move(flat)), cache_(cache) {
        open();
        write_flat_file(*corpus_, flat_path_);
    }

    Corpus const& corpus() {
        if (cache_ == Cache::cold) {
            open();
            for (auto const& record : corpus_->languages()) {
                drop_from_cache(corpus_path_ / record.file);
            }
        }
        return *corpus_;
    }
    FlatFile const& flat() {
        if (cache_ == Cache::cold || !flat_) {
            flat_.reset();
            if (cache_ == Cache::cold) {
                drop_from_cache(flat_path_);
            }
            flat_.emplace(flat_path_, token_bytes(corpus_->manifest().vocab_size));
        }
        return *flat_;
    }

private:
    // A language's file is opened when it is first asked for: here, so that no round pays for it.
    void open() {
        corpus_.reset();
        corpus_ = std::make_unique<Corpus>(corpus_path_);
        for (std::int32_t i = 0; i < static_cast<std::int32_t>(corpus_->languages().size()); ++i) {
            (void)corpus_->document_start(i, Split::train);
        }
    }

    std::filesystem::path corpus_path_;
    std::filesystem::path flat_path_;
    Cache cache_;
    std::unique_ptr<Corpus> corpus_;
    std::optional<FlatFile> flat_;
};

// Shares by size, but even enough that every language comes: as runs of many languages do.
RowOrder order_of(Corpus const& corpus, BenchConfig const& config) {
    MixtureConfig mixture;
    for (auto const& record : corpus.languages()) {
        mixture.tokens.push_back(record.counts(Split::train).tokens);
        auto const tokens = static_cast<double>(mixture.tokens.back());
        mixture.weights.push_back(tokens < 2.0 ? 0.0 : std::sqrt(tokens));
    }
    mixture.row_length = config.window;
    mixture.rows = config.rows;
    return RowOrder(Mixture(std::move(mixture)));
}

double loader_rate(
    Corpus const& corpus, BenchConfig const& config, RowOrder const& order, std::int64_t round
) {
    auto const steps = std::max<std::int64_t>(2, config.windows / config.rows);
    Loader loader(corpus, order, slice_plan({config.rows, 1}, 1, 0, round * steps));
    Timer const timer;
    for (std::int64_t step = 0; step < steps; ++step) {
        loader.next();
    }
    return static_cast<double>(steps * config.rows * config.window) / timer.seconds();
}

// Mixture and order alone: rows one after the other, as a step asks for them.
double plan_seconds(BenchConfig const& config, RowOrder const& order) {
    constexpr std::int64_t kRows = 200000;
    std::int64_t sum = 0;
    Timer const timer;
    for (std::int64_t row = 0; row < kRows; ++row) {
        sum += order.draw(row / config.rows, row % config.rows).first;
    }
    auto const seconds = timer.seconds();
    require(sum >= 0, "rows begin at {} in all", sum);
    return seconds / static_cast<double>(kRows);
}

// One round. Which is read first alternates: disks and hosts remember what was read.
void measure_windows(
    Sources& sources, BenchConfig const& config, std::int64_t round, Rates& rates
) {
    // Cold rounds have places of their own, for the same reason.
    auto const places = random_places(
        sources.corpus(), config,
        config.cache == Cache::cold ? static_cast<std::uint64_t>(round) : 0
    );
    std::array readings{Reading::plain, Reading::prefetched};
    if (round % 2 == 1) {
        std::ranges::reverse(readings);
    }
    for (auto const reading : readings) {
        rates.corpus[reading].push_back(tokens_a_second(sources.corpus(), places, config, reading));
        rates.flat[reading].push_back(tokens_a_second(sources.flat(), places, config, reading));
    }
}

Rates measure(Sources& sources, BenchConfig const& config) {
    Rates rates;
    auto const order = order_of(sources.corpus(), config);
    if (config.cache == Cache::warm) {
        Rates untimed;
        measure_windows(sources, config, 0, untimed);  // touches the pages
    }
    for (std::int64_t round = 0; round < config.rounds; ++round) {
        measure_windows(sources, config, round, rates);
        rates.loader.push_back(loader_rate(sources.corpus(), config, order, round));
    }
    rates.plan_seconds = plan_seconds(config, order);
    return rates;
}

Json as_json(Rates const& rates, BenchConfig const& config, std::size_t languages) {
    auto const loader = median(rates.loader);
    auto const& flat = rates.flat.at(Reading::plain);
    Json json{
        {"window", config.window},
        {"cache", config.cache == Cache::warm ? "warm" : "cold"},
        {"languages", languages},
        {"loader_tokens_per_second", loader},
        {"loader_rows_per_second", loader / static_cast<double>(config.window)},
        {"plan_seconds_per_row", rates.plan_seconds},
    };
    for (auto const& [reading, name] : kReadings) {
        auto const& corpus = rates.corpus.at(reading);
        json[name] = Json{
            {"corpus_tokens_per_second", median(corpus)},
            {"flat_tokens_per_second", median(rates.flat.at(reading))},
            {"corpus_of_flat", ratio_of(corpus, rates.flat.at(reading))},
            {"corpus_of_plain_flat", ratio_of(corpus, flat)},
        };
    }
    return json;
}

std::string as_text(Rates const& rates, BenchConfig const& config, std::size_t languages) {
    Table table({"source", "read", "tokens/s", "windows/s", "of flat", "of plain flat"});
    auto const window = static_cast<double>(config.window);
    auto const& plain = rates.flat.at(Reading::plain);
    for (auto const& [reading, name] : kReadings) {
        auto const& flat = rates.flat.at(reading);
        auto const add = [&, read = name](char const* source, std::vector<double> const& its) {
            table.add_row(
                {source, read, count_text(median(its)), count_text(median(its) / window),
                 decimal_text(ratio_of(its, flat), 2), decimal_text(ratio_of(its, plain), 2)}
            );
        };
        add("flat file, mapped", flat);
        add("corpus", rates.corpus.at(reading));
    }
    auto const loader = median(rates.loader);
    return fmt::format(
        "windows of {} tokens in {} languages, {} cache\n\n{}\nloader's thread, whole rows: {} "
        "tokens/s; mixture and order alone: {:.0f} ns a row\n",
        config.window, languages, config.cache == Cache::warm ? "warm" : "cold", table.text(),
        count_text(loader), 1e9 * rates.plan_seconds
    );
}

}  // namespace

Exit run_bench_loader(Arguments const& arguments) {
    BenchConfig config;
    Options options(
        "bench loader",
        "Reads random windows of a corpus, and the same windows of a memory-mapped flat file in "
        "the same run: one after the other (plain), and as the loader does, which asks the kernel "
        "for all windows of a step first (prefetched); then whole rows through the loader's "
        "thread."
    );
    describe(options, config);
    if (options.parse(arguments) == Parsed::help) {
        return print_help(options);
    }
    auto const name = fmt::format("isogloss-bench-{}", ::getpid());
    Scratch const made(config.scratch / (name + "-corpus"));
    Scratch const flat(config.scratch / (name + "-flat"));
    if (config.synthetic_mb > 0) {
        make_random_corpus(made.path(), config.languages, config.synthetic_mb * 1'000'000);
        config.corpus = made.path();
    }
    Sources sources(config.corpus, flat.path(), config.cache);
    auto const languages = sources.corpus().languages().size();
    auto const rates = measure(sources, config);
    give_result(config.output, as_json(rates, config, languages), [&] {
        return as_text(rates, config, languages);
    });
    return Exit::done;
}

}  // namespace isogloss
