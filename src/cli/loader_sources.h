// cli/loader_sources.h - what `bench loader` reads: a made-up corpus, a flat file, a cold cache.
#pragma once

#include <cstdint>
#include <filesystem>
#include <span>

#include "corpus/corpus.h"
#include "storage/mapped_file.h"

namespace isogloss {

/// A folder or file of a benchmark, removed at the end.
class Scratch {
public:
    explicit Scratch(std::filesystem::path path) : path_(std::move(path)) {}
    ~Scratch();
    Scratch(Scratch const&) = delete;
    Scratch& operator=(Scratch const&) = delete;

    [[nodiscard]] std::filesystem::path const& path() const { return path_; }

private:
    std::filesystem::path path_;
};

/// A corpus of random 16-bit tokens: `languages` of them, whose sizes rise by one factor from the
/// first to the last, a thousand times as large; about `bytes` in all.
/// @param languages  in [1, 500]
void make_random_corpus(
    std::filesystem::path const& folder, std::int64_t languages, std::int64_t bytes
);

/// The training tokens of a corpus in one raw file, language after language: what a corpus without
/// HDF5 would be.
void write_flat_file(Corpus const& corpus, std::filesystem::path const& path);

/// A flat file, read as a corpus is: mapped, widened to 32 bits.
class FlatFile {
public:
    /// @param token_bytes  2 or 4
    FlatFile(std::filesystem::path const& path, std::int64_t token_bytes)
        : mapped_(path, Access::random), token_bytes_(token_bytes) {}

    void window(std::int64_t first, std::span<std::int32_t> out) const;
    /// As Corpus::prefetch().
    void prefetch(std::int64_t first, std::int64_t count) const;

private:
    MappedFile mapped_;
    std::int64_t token_bytes_ = 2;
};

/// Asks the kernel to forget the pages of a file. It keeps those that are mapped: unmap it before.
/// @throws Error  (environment)
void drop_from_cache(std::filesystem::path const& file);

}  // namespace isogloss
