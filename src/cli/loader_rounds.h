// cli/loader_rounds.h - windows of a corpus and of a flat file, read in turn and timed.
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <memory>
#include <optional>
#include <vector>

#include "cli/loader_sources.h"
#include "cli/result.h"
#include "corpus/corpus.h"

namespace isogloss {

/// Of the kernel, for the files that are read.
enum class Cache : std::uint8_t { warm, cold };

struct LoaderBench {
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

/// Windows one after the other; or, as the loader reads them, the windows of a step asked for
/// before the first of them is read.
enum class Reading : std::uint8_t { plain, prefetched };

/// Tokens a second of each round.
struct LoaderRates {
    std::map<Reading, std::vector<double>> corpus;
    std::map<Reading, std::vector<double>> flat;
    std::vector<double> loader;
    double plan_seconds = 0.0;  ///< of one row
};

/// Both sources, opened anew for each round that is to be cold: what is mapped stays in the cache.
class LoaderSources {
public:
    LoaderSources(std::filesystem::path corpus, std::filesystem::path flat, Cache cache);

    Corpus const& corpus();
    FlatFile const& flat();

private:
    void open();

    std::filesystem::path corpus_path_;
    std::filesystem::path flat_path_;
    Cache cache_;
    std::unique_ptr<Corpus> corpus_;
    std::optional<FlatFile> flat_;
};

/// Rounds of both sources in turn, and of the loader. The first rounds of a warm cache are not
/// timed.
LoaderRates measure(LoaderSources& sources, LoaderBench const& config);

}  // namespace isogloss
