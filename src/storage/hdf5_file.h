// storage/hdf5_file.h - reads datasets and attributes of one HDF5 file.
#pragma once

#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <vector>

#include "storage/hdf5_handle.h"
#include "storage/stored_type.h"

namespace isogloss {

/// A file opened read-only. Every rank opens its own; nothing here is collective, and any thread
/// may read at any time. Datasets and groups are named by path: "layers.0.router.weight",
/// "/el/train/tokens". Every error names file and dataset; exit 3 unless said otherwise.
class Hdf5File {
public:
    /// @throws Error  (data) when the file is missing, cut short, or no HDF5 file
    explicit Hdf5File(std::filesystem::path const& path);

    [[nodiscard]] std::filesystem::path const& path() const { return path_; }

    /// Names of the datasets and groups directly in `group`, in byte order.
    [[nodiscard]] std::vector<std::string> list(std::string const& group = "/") const;
    [[nodiscard]] bool contains(std::string const& object) const;

    /// @throws Error  (data) when there is no such dataset or its type is none of StoredType
    [[nodiscard]] DatasetInfo info(std::string const& dataset) const;

    /// Reads rows [first, first + count) of the first index, in the stored type and without
    /// conversion; a dataset without extents has one row.
    ///
    /// @param type  what the dataset must hold
    /// @param out   exactly the bytes of the rows
    /// @throws Error  (data) when the type differs, the range leaves the dataset, or reading fails;
    ///                (internal) when `out` has another size
    void read(
        std::string const& dataset,
        StoredType type,
        std::int64_t first,
        std::int64_t count,
        std::span<std::byte> out
    ) const;

    /// The whole dataset into `out`, which must have its size.
    void read(std::string const& dataset, StoredType type, std::span<std::byte> out) const;

    template <class T>
    void read(std::string const& dataset, std::span<T> out) const {
        read(dataset, stored_type_of<T>(), std::as_writable_bytes(out));
    }
    /// Elements [first, first + out.size()) of a dataset of one index.
    template <class T>
    void read_at(std::string const& dataset, std::int64_t first, std::span<T> out) const {
        auto const count = static_cast<std::int64_t>(out.size());
        read(dataset, stored_type_of<T>(), first, count, std::as_writable_bytes(out));
    }

    /// Where a contiguous dataset begins in the file, in bytes, so that it can be mapped; 0 for a
    /// dataset of no elements. The whole dataset lies inside the file: this is checked.
    /// @throws Error  (data) when the dataset is chunked, compressed, external or virtual
    [[nodiscard]] std::int64_t file_offset(std::string const& dataset) const;

    /// @param object  dataset or group; "/" for the file itself
    /// @throws Error  (data) when the attribute is missing or of another kind
    [[nodiscard]] std::string text_attribute(std::string const& object, std::string const& name)
        const;
    [[nodiscard]] std::int64_t integer_attribute(std::string const& object, std::string const& name)
        const;
    [[nodiscard]] bool has_attribute(std::string const& object, std::string const& name) const;

private:
    std::filesystem::path path_;
    std::int64_t bytes_ = 0;
    HdfFile file_;
};

}  // namespace isogloss
