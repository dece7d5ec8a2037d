// storage/hdf5_file.cpp
#include "storage/hdf5_file.h"

#include <algorithm>
#include <array>
#include <fstream>
#include <optional>
#include <string_view>

#include "base/require.h"
#include "storage/hdf5_rows.h"
#include "storage/hdf5_type.h"

namespace isogloss {
namespace {

// H5Lexists asks about one link and fails when an earlier part of the path is missing.
bool path_exists(hid_t file, std::string const& object) {
    for (auto end = object.find('/', 1); true; end = object.find('/', end + 1)) {
        auto const part = object.substr(0, end);
        if (!part.empty() && part != "/" && H5Lexists(file, part.c_str(), H5P_DEFAULT) <= 0) {
            return false;
        }
        if (end == std::string::npos) {
            return true;
        }
    }
}

HdfDataset open_dataset(hid_t file, std::string const& name, std::filesystem::path const& path) {
    require_data(path_exists(file, name), "{}: there is no dataset {}", path.string(), name);
    HdfDataset dataset(H5Dopen2(file, name.c_str(), H5P_DEFAULT));
    require_data(
        dataset.get() >= 0, "{}: {} cannot be opened as a dataset; {}", path.string(), name,
        hdf5_fault()
    );
    return dataset;
}

HdfObject open_object(hid_t file, std::string const& name, std::filesystem::path const& path) {
    require_data(path_exists(file, name), "{}: there is no object {}", path.string(), name);
    HdfObject object(H5Oopen(file, name.c_str(), H5P_DEFAULT));
    require_data(
        object.get() >= 0, "{}: {} cannot be opened; {}", path.string(), name, hdf5_fault()
    );
    return object;
}

HdfAttribute open_attribute(
    hid_t file,
    std::string const& object,
    std::string const& name,
    std::filesystem::path const& path
) {
    auto const owner = open_object(file, object, path);
    require_data(
        H5Aexists(owner.get(), name.c_str()) > 0, "{}: {} has no attribute \"{}\"", path.string(),
        object, name
    );
    HdfAttribute attribute(H5Aopen(owner.get(), name.c_str(), H5P_DEFAULT));
    HdfSpace const space(H5Aget_space(attribute.get()));
    require_data(
        attribute.get() >= 0 && space.get() >= 0 && H5Sget_simple_extent_npoints(space.get()) == 1,
        "{}: attribute \"{}\" of {} is not one value", path.string(), name, object
    );
    return attribute;
}

// A shape is a claim of the file: its bytes must fit the file before anybody allocates for it.
DatasetInfo checked_info(hid_t dataset, std::string const& what, std::int64_t file_bytes) {
    HdfType const type(H5Dget_type(dataset));
    auto const known = type.get() < 0 ? std::nullopt : stored_type(type.get());
    require_data(
        known.has_value(), "{}: the element type is none of f32, bf16, i32, u16, u32, i64", what
    );
    DatasetInfo info{.type = known.value_or(StoredType::f32), .shape = extents_of(dataset, what)};
    bool const is_empty = std::ranges::count(info.shape, std::int64_t{0}) > 0;
    auto room = file_bytes / bytes_of(info.type);
    for (auto const extent : info.shape) {
        require_data(
            extent <= (is_empty ? file_bytes : room),
            "{}: the shape says more elements than the file's {} bytes can hold", what, file_bytes
        );
        room = is_empty ? room : room / extent;
    }
    return info;
}

// HDF5 itself would look for its signature further on, too, in a file that begins as another.
bool has_signature(std::filesystem::path const& path) {
    constexpr std::string_view kSignature = "\x89HDF\r\n\x1a\n";
    std::array<char, kSignature.size()> head{};
    std::ifstream file(path, std::ios::binary);
    file.read(head.data(), head.size());
    return file && std::string_view(head.data(), head.size()) == kSignature;
}

herr_t keep_name(hid_t /*group*/, char const* name, H5L_info_t const* /*link*/, void* names) {
    static_cast<std::vector<std::string>*>(names)->emplace_back(name);
    return 0;
}

}  // namespace

Hdf5File::Hdf5File(std::filesystem::path const& path) : path_(path) {
    std::error_code error;
    auto const bytes = std::filesystem::file_size(path, error);
    require_data(!error, "{}: cannot be read: {}", path.string(), error.message());
    bytes_ = static_cast<std::int64_t>(bytes);
    require_data(
        has_signature(path), "{}: not an HDF5 file ({} bytes): it does not begin as one",
        path.string(), bytes_
    );
    std::scoped_lock const lock(hdf5_mutex());
    // Files do not change once they have their name, so HDF5's advisory lock guards nothing; and
    // several parallel file systems do not offer one.
    HdfProperties const access(H5Pcreate(H5P_FILE_ACCESS));
    bool const unlocked = access.get() >= 0 && H5Pset_file_locking(access.get(), false, true) >= 0;
    require(unlocked, "HDF5 refuses the access properties; {}", hdf5_fault());
    file_ = HdfFile(H5Fopen(path.c_str(), H5F_ACC_RDONLY, access.get()));
    require_data(
        file_.get() >= 0, "{}: not a whole HDF5 file ({} bytes); {}", path.string(), bytes_,
        hdf5_fault()
    );
}

std::vector<std::string> Hdf5File::list(std::string const& group) const {
    std::scoped_lock const lock(hdf5_mutex());
    auto const owner = open_object(file_.get(), group, path_);
    std::vector<std::string> names;
    auto const status =
        H5Literate(owner.get(), H5_INDEX_NAME, H5_ITER_INC, nullptr, keep_name, &names);
    require_data(status >= 0, "{}: {} cannot be listed; {}", path_.string(), group, hdf5_fault());
    std::ranges::sort(names);
    return names;
}

bool Hdf5File::contains(std::string const& object) const {
    std::scoped_lock const lock(hdf5_mutex());
    return path_exists(file_.get(), object);
}

DatasetInfo Hdf5File::info(std::string const& dataset) const {
    std::scoped_lock const lock(hdf5_mutex());
    auto const data = open_dataset(file_.get(), dataset, path_);
    return checked_info(data.get(), path_.string() + ": " + dataset, bytes_);
}

void Hdf5File::read(
    std::string const& dataset,
    StoredType type,
    std::int64_t first,
    std::int64_t count,
    std::span<std::byte> out
) const {
    std::scoped_lock const lock(hdf5_mutex());
    auto const what = path_.string() + ": " + dataset;
    auto const data = open_dataset(file_.get(), dataset, path_);
    auto const header = checked_info(data.get(), what, bytes_);
    require_data(
        header.type == type, "{}: holds {}, not {}", what, name_of(header.type), name_of(type)
    );
    auto const rows = header.shape.empty() ? std::int64_t{1} : header.shape[0];
    require_data(
        0 <= first && 0 <= count && first <= rows - count,
        "{}: has {} rows; rows [{}, {}) were asked for", what, rows, first, first + count
    );
    auto const row_bytes = rows == 0 ? 0 : header.size() / rows * bytes_of(type);
    require(
        static_cast<std::int64_t>(out.size()) == count * row_bytes,
        "{}: {} rows are {} bytes; the destination has {}", what, count, count * row_bytes,
        out.size()
    );
    if (out.empty()) {
        return;
    }
    auto const rows_of = select_rows(data.get(), header.shape, first, count);
    auto const memory_type = hdf5_type(type);
    auto const status = H5Dread(
        data.get(), memory_type.get(), rows_of.memory.get(), rows_of.file.get(), H5P_DEFAULT,
        out.data()
    );
    require_data(status >= 0, "{}: reading failed; {}", what, hdf5_fault());
}

void Hdf5File::read(std::string const& dataset, StoredType type, std::span<std::byte> out) const {
    auto const header = info(dataset);
    auto const rows = header.shape.empty() ? std::int64_t{1} : header.shape[0];
    require_data(
        header.size() * bytes_of(header.type) == static_cast<std::int64_t>(out.size()),
        "{}: {} holds {} elements of {}; {} bytes were expected", path_.string(), dataset,
        header.size(), name_of(header.type), out.size()
    );
    read(dataset, type, 0, rows, out);
}

std::int64_t Hdf5File::file_offset(std::string const& dataset) const {
    std::scoped_lock const lock(hdf5_mutex());
    auto const what = path_.string() + ": " + dataset;
    auto const data = open_dataset(file_.get(), dataset, path_);
    auto const header = checked_info(data.get(), what, bytes_);
    HdfProperties const properties(H5Dget_create_plist(data.get()));
    bool const contiguous = properties.get() >= 0 &&
                            H5Pget_layout(properties.get()) == H5D_CONTIGUOUS &&
                            H5Pget_external_count(properties.get()) == 0;
    require_data(contiguous, "{}: is not stored in one piece, so it cannot be mapped", what);
    if (header.size() == 0) {
        return 0;
    }
    auto const offset = H5Dget_offset(data.get());
    auto const bytes = header.size() * bytes_of(header.type);
    require_data(
        offset != HADDR_UNDEF && offset <= static_cast<haddr_t>(bytes_ - bytes),
        "{}: its {} bytes do not lie inside the file", what, bytes
    );
    return static_cast<std::int64_t>(offset);
}

std::string Hdf5File::text_attribute(std::string const& object, std::string const& name) const {
    std::scoped_lock const lock(hdf5_mutex());
    auto const attribute = open_attribute(file_.get(), object, name, path_);
    HdfType const type(H5Aget_type(attribute.get()));
    bool const is_text = type.get() >= 0 && H5Tget_class(type.get()) == H5T_STRING &&
                         H5Tis_variable_str(type.get()) == 0;
    auto const bytes = is_text ? H5Tget_size(type.get()) : 0;
    require_data(
        is_text && static_cast<std::int64_t>(bytes) <= bytes_,
        "{}: attribute \"{}\" of {} is not a text of fixed length", path_.string(), name, object
    );
    std::string text(bytes, '\0');
    auto const status = H5Aread(attribute.get(), type.get(), text.data());
    require_data(
        status >= 0, "{}: attribute \"{}\" of {}: {}", path_.string(), name, object, hdf5_fault()
    );
    return text.substr(0, text.find('\0'));
}

std::int64_t Hdf5File::integer_attribute(std::string const& object, std::string const& name) const {
    std::scoped_lock const lock(hdf5_mutex());
    auto const attribute = open_attribute(file_.get(), object, name, path_);
    HdfType const type(H5Aget_type(attribute.get()));
    std::int64_t value = 0;
    bool const read = type.get() >= 0 && H5Tget_class(type.get()) == H5T_INTEGER &&
                      H5Aread(attribute.get(), H5T_NATIVE_INT64, &value) >= 0;
    require_data(
        read, "{}: attribute \"{}\" of {} is not an integer", path_.string(), name, object
    );
    return value;
}

bool Hdf5File::has_attribute(std::string const& object, std::string const& name) const {
    std::scoped_lock const lock(hdf5_mutex());
    auto const owner = open_object(file_.get(), object, path_);
    return H5Aexists(owner.get(), name.c_str()) > 0;
}

}  // namespace isogloss
