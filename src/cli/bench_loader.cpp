// cli/bench_loader.cpp
#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <fstream>

#include "base/clock.h"
#include "base/json.h"
#include "base/random.h"
#include "base/table.h"
#include "base/text.h"
#include "cli/commands.h"
#include "corpus/corpus.h"
#include "corpus/corpus_part.h"
#include "corpus/loader.h"
#include "storage/mapped_file.h"

namespace isogloss {
namespace {

struct BenchConfig {
    std::filesystem::path corpus;
    std::filesystem::path scratch = std::filesystem::temp_directory_path();
    std::int64_t window = 2048;
    std::int64_t windows = 20000;
    std::int64_t rounds = 5;
    std::int64_t rows = 8;
    bool json = false;
};

/// A window of one of the two sources.
struct Place {
    std::int32_t language = 0;
    std::int64_t first = 0;    ///< in the language's stream
    std::int64_t in_flat = 0;  ///< in the flat file of all languages
};

// The same tokens in one raw file, removed at the end: what a corpus without HDF5 would be.
class FlatFile {
public:
    FlatFile(Corpus const& corpus, std::filesystem::path const& folder)
        : path_(folder / ("isogloss-bench-" + corpus.manifest().tokenizer_sha256.substr(0, 8))) {
        auto const width = token_bytes(corpus.manifest().vocab_size);
        std::ofstream file(path_, std::ios::binary);
        std::vector<std::int32_t> tokens;
        std::vector<std::uint16_t> narrow;
        for (std::int32_t i = 0; i < static_cast<std::int32_t>(corpus.languages().size()); ++i) {
            tokens.resize(static_cast<std::size_t>(corpus.tokens(i, Split::train)));
            corpus.window(i, Split::train, 0, tokens);
            narrow.assign(tokens.begin(), tokens.end());
            auto const* data = width == 2 ? static_cast<void const*>(narrow.data())
                                          : static_cast<void const*>(tokens.data());
            file.write(
                static_cast<char const*>(data), static_cast<std::streamsize>(tokens.size()) * width
            );
        }
        file.close();
        require_environment(
            static_cast<bool>(file), "{}: writing failed; choose another --scratch", path_.string()
        );
        mapped_ = MappedFile(path_, Access::random);
    }
    ~FlatFile() {
        std::error_code ignored;  // a scratch file that stays harms nobody
        std::filesystem::remove(path_, ignored);
    }
    FlatFile(FlatFile const&) = delete;
    FlatFile& operator=(FlatFile const&) = delete;

    template <class T>
    void window(std::int64_t first, std::span<std::int32_t> out) const {
        auto const size = static_cast<std::int64_t>(sizeof(T));
        auto const count = static_cast<std::int64_t>(out.size());
        auto const from = mapped_.elements<T>(first * size, count);
        std::copy(from.begin(), from.end(), out.begin());
    }

private:
    std::filesystem::path path_;
    MappedFile mapped_;
};

std::vector<Place> random_places(Corpus const& corpus, BenchConfig const& config) {
    std::vector<std::int64_t> begin{0};
    for (std::int32_t i = 0; i < static_cast<std::int32_t>(corpus.languages().size()); ++i) {
        begin.push_back(begin.back() + corpus.tokens(i, Split::train));
    }
    std::vector<Place> places;
    for (std::uint64_t i = 0; static_cast<std::int64_t>(places.size()) < config.windows; ++i) {
        require_data(
            i < 100U * static_cast<std::uint64_t>(config.windows), "{}: no language has {} tokens",
            config.corpus.string(), config.window
        );
        auto const at =
            static_cast<std::int64_t>(random_uniform(1, 0, i) * static_cast<double>(begin.back()));
        auto const next = std::ranges::upper_bound(begin, at);
        if (at + config.window <= *next) {
            auto const language = static_cast<std::int32_t>(next - begin.begin()) - 1;
            places.push_back({language, at - *(next - 1), at});
        }
    }
    return places;
}

template <class Read>
double tokens_a_second(std::vector<Place> const& places, std::int64_t window, Read&& read) {
    std::vector<std::int32_t> out(static_cast<std::size_t>(window));
    std::int64_t sum = 0;  // used below, so that no copy is left out
    Timer const timer;
    for (auto const& place : places) {
        read(place, std::span(out));
        sum += out.front() + out.back();
    }
    auto const seconds = timer.seconds();
    require(sum >= 0, "tokens sum to {}", sum);
    return static_cast<double>(places.size()) * static_cast<double>(window) / seconds;
}

double median(std::vector<double> values) {
    std::ranges::sort(values);
    return values[values.size() / 2];
}

struct Rates {
    double corpus = 0.0;  ///< tokens a second, as are all
    double flat = 0.0;
    double loader = 0.0;
    double ratio = 0.0;  ///< median of corpus over flat, round by round
};

// Rounds alternate, so that a load on the machine hits both alike.
Rates measure(Corpus const& corpus, BenchConfig const& config) {
    FlatFile const flat(corpus, config.scratch);
    auto const places = random_places(corpus, config);
    bool const is_short = token_bytes(corpus.manifest().vocab_size) == 2;
    std::vector<double> corpus_rates;
    std::vector<double> flat_rates;
    std::vector<double> ratios;
    for (std::int64_t round = 0; round <= config.rounds; ++round) {
        auto const ours = tokens_a_second(places, config.window, [&](Place const& place, auto out) {
            corpus.window(place.language, Split::train, place.first, out);
        });
        auto const theirs =
            tokens_a_second(places, config.window, [&](Place const& place, auto out) {
                is_short ? flat.window<std::uint16_t>(place.in_flat, out)
                         : flat.window<std::uint32_t>(place.in_flat, out);
            });
        if (round > 0) {  // the first touches the pages
            corpus_rates.push_back(ours);
            flat_rates.push_back(theirs);
            ratios.push_back(ours / theirs);
        }
    }
    return {median(corpus_rates), median(flat_rates), 0.0, median(ratios)};
}

double loader_rate(Corpus const& corpus, BenchConfig const& config) {
    std::vector<std::int64_t> tokens;
    std::vector<double> weights;
    for (auto const& record : corpus.languages()) {
        tokens.push_back(record.counts(Split::train).tokens);
        weights.push_back(tokens.back() < 2 ? 0.0 : static_cast<double>(tokens.back()));
    }
    RowOrder const order(Mixture({weights, tokens, config.window, config.rows, 1}));
    Loader loader(corpus, order, slice_plan({config.rows, 1}, 1, 0, 0));
    auto const steps = std::max<std::int64_t>(2, config.windows / config.rows);
    loader.next();
    Timer const timer;
    for (std::int64_t step = 1; step < steps; ++step) {
        loader.next();
    }
    auto const read = static_cast<double>((steps - 1) * config.rows * config.window);
    return read / timer.seconds();
}

}  // namespace

Exit run_bench_loader(Arguments const& arguments) {
    BenchConfig config;
    Options options(
        "bench loader",
        "Reads random windows of a corpus, and the same windows of a memory-mapped flat file in "
        "the "
        "same run; then whole rows through the loader's thread."
    );
    options.add_positional("corpus", config.corpus, "folder that `corpus build` made");
    options.add("window", config.window, "tokens");
    options.add("windows", config.windows, "read in a round");
    options.add("rounds", config.rounds, "whose median is shown");
    options.add("rows", config.rows, "of a step of the loader");
    options.add("scratch", config.scratch, "folder for the flat file");
    options.add("json", config.json, "print one JSON document instead of a table");
    options.add_check([&config] {
        bool const good = std::min({config.window, config.windows, config.rounds, config.rows}) > 0;
        return good ? std::vector<std::string>{}
                    : std::vector<std::string>{"window, windows, rounds, rows: must be above 0"};
    });
    if (options.parse(arguments) == Parsed::help) {
        return print_help(options);
    }
    Corpus const corpus(config.corpus);
    auto rates = measure(corpus, config);
    rates.loader = loader_rate(corpus, config);
    if (config.json) {
        Json const value{
            {"window", config.window},
            {"corpus_tokens_per_second", rates.corpus},
            {"flat_tokens_per_second", rates.flat},
            {"ratio", rates.ratio},
            {"loader_tokens_per_second", rates.loader},
            {"loader_rows_per_second", rates.loader / static_cast<double>(config.window)},
        };
        std::puts(value.dump(2).c_str());
        return Exit::done;
    }
    auto const rows = [&](double rate) {
        return count_text(rate / static_cast<double>(config.window));
    };
    Table table({"source", "tokens/s", "windows/s", "of flat"});
    table.add_row({"flat file, mapped", count_text(rates.flat), rows(rates.flat), "1.00"});
    table.add_row(
        {"corpus", count_text(rates.corpus), rows(rates.corpus), decimal_text(rates.ratio, 2)}
    );
    table.add_row(
        {"loader, whole rows", count_text(rates.loader), rows(rates.loader),
         decimal_text(rates.loader / rates.flat, 2)}
    );
    fmt::print("windows of {} tokens\n\n{}", config.window, table.text());
    return Exit::done;
}

}  // namespace isogloss
