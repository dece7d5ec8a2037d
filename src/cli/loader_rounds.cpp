// cli/loader_rounds.cpp
#include "cli/loader_rounds.h"

#include <algorithm>
#include <array>
#include <cmath>

#include "base/clock.h"
#include "base/math.h"
#include "base/random.h"
#include "base/require.h"
#include "corpus/corpus_part.h"
#include "corpus/loader.h"

namespace isogloss {
namespace {

/// A window of one of the two sources.
struct Place {
    std::int32_t language = 0;
    std::int64_t first = 0;    ///< in the language's stream
    std::int64_t in_flat = 0;  ///< in the flat file of all languages
};

std::vector<Place> random_places(
    Corpus const& corpus, LoaderBench const& config, std::uint64_t round
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

template <class Source>
double tokens_a_second(
    Source const& source,
    std::vector<Place> const& places,
    LoaderBench const& config,
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

// Shares by size, but even enough that every language comes: as runs of many languages do.
RowOrder order_of(Corpus const& corpus, LoaderBench const& config) {
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
    Corpus const& corpus, LoaderBench const& config, RowOrder const& order, std::int64_t round
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
double plan_seconds(LoaderBench const& config, RowOrder const& order) {
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
    LoaderSources& sources, LoaderBench const& config, std::int64_t round, LoaderRates& rates
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

}  // namespace

LoaderSources::LoaderSources(std::filesystem::path corpus, std::filesystem::path flat, Cache cache)
    : corpus_path_(std::move(corpus)), flat_path_(std::move(flat)), cache_(cache) {
    open();
    write_flat_file(*corpus_, flat_path_);
}

// A language's file is opened when it is first asked for: here, so that no round pays for it.
void LoaderSources::open() {
    corpus_.reset();
    corpus_ = std::make_unique<Corpus>(corpus_path_);
    for (std::int32_t i = 0; i < static_cast<std::int32_t>(corpus_->languages().size()); ++i) {
        (void)corpus_->document_start(i, Split::train);
    }
}

Corpus const& LoaderSources::corpus() {
    if (cache_ == Cache::cold) {
        open();
        for (auto const& record : corpus_->languages()) {
            drop_from_cache(corpus_path_ / record.file);
        }
    }
    return *corpus_;
}

FlatFile const& LoaderSources::flat() {
    if (cache_ == Cache::cold || !flat_) {
        flat_.reset();
        if (cache_ == Cache::cold) {
            drop_from_cache(flat_path_);
        }
        flat_.emplace(flat_path_, token_bytes(corpus_->manifest().vocab_size));
    }
    return *flat_;
}

LoaderRates measure(LoaderSources& sources, LoaderBench const& config) {
    LoaderRates rates;
    auto const order = order_of(sources.corpus(), config);
    if (config.cache == Cache::warm) {
        LoaderRates untimed;
        measure_windows(sources, config, 0, untimed);  // touches the pages
    }
    for (std::int64_t round = 0; round < config.rounds; ++round) {
        measure_windows(sources, config, round, rates);
        rates.loader.push_back(loader_rate(sources.corpus(), config, order, round));
    }
    rates.plan_seconds = plan_seconds(config, order);
    return rates;
}

}  // namespace isogloss
