// storage/hdf5_writer.h - writes datasets and attributes into one new HDF5 file.
#pragma once

#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <vector>

#include "storage/hdf5_handle.h"
#include "storage/stored_type.h"

namespace isogloss {

/// When a finished file is flushed to disk: here, or by a flush_to_disk() that the caller owes.
enum class Flush : std::uint8_t { at_close, by_caller };

/// A file being written by one rank. Datasets are contiguous, aligned to 64 bytes and carry no
/// times, so the same calls with the same content give the same bytes. Groups on the way to an
/// object are made as needed. Errors of writing are exit 4: disk full, no permission.
///
///     Hdf5Writer writer(path + ".partial");
///     writer.write("layers.0.router.weight", {4, 64}, std::span<float const>(weight));
///     writer.close();                                  // then rename
class Hdf5Writer {
public:
    /// Replaces an existing file.
    /// @throws Error  (environment)
    explicit Hdf5Writer(std::filesystem::path const& path);
    Hdf5Writer(Hdf5Writer&&) noexcept = default;
    Hdf5Writer& operator=(Hdf5Writer&&) noexcept = default;
    ~Hdf5Writer();

    /// A dataset whose content comes later, piece by piece; what is never written is undefined.
    void create(
        std::string const& dataset, StoredType type, std::vector<std::int64_t> const& shape
    );

    /// Rows [first, first + count) of the first index of a dataset made by create().
    /// @param data  exactly the bytes of the rows
    void write_rows(
        std::string const& dataset,
        std::int64_t first,
        std::int64_t count,
        std::span<std::byte const> data
    );

    /// A whole dataset. A shape of {} is a single number.
    void write(
        std::string const& dataset,
        StoredType type,
        std::vector<std::int64_t> const& shape,
        std::span<std::byte const> data
    );
    template <class T>
    void write(
        std::string const& dataset, std::vector<std::int64_t> const& shape, std::span<T const> data
    ) {
        write(dataset, stored_type_of<T>(), shape, std::as_bytes(data));
    }

    /// Attributes of a dataset or group that exists; "/" for the file itself. Write each once.
    void text_attribute(
        std::string const& object, std::string const& name, std::string const& value
    );
    void integer_attribute(std::string const& object, std::string const& name, std::int64_t value);

    /// Writes everything out and closes the file, which is then flushed to disk. A writer that is
    /// destroyed without close() leaves a file that is not to be used.
    void close(Flush flush = Flush::at_close);

private:
    void give_up() noexcept;

    std::filesystem::path path_;
    HdfFile file_;
};

}  // namespace isogloss
