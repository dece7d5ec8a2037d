// storage/hdf5_writer.cpp
#include "storage/hdf5_writer.h"

#include <sys/mman.h>
#include <unistd.h>

#include "base/file.h"
#include "base/require.h"
#include "storage/hdf5_rows.h"
#include "storage/hdf5_type.h"

namespace isogloss {
namespace {

constexpr hsize_t kAlignment = 64;  // any element type, and a cache line, at any dataset's start

// Checksummed headers (format 1.8 and later), so an altered header is found when it is read. No
// buffer for raw data: it would be written when a dataset closes, where nobody sees a full disk.
HdfProperties access_properties() {
    HdfProperties access(H5Pcreate(H5P_FILE_ACCESS));
    bool const made = access.get() >= 0 && H5Pset_alignment(access.get(), 1, kAlignment) >= 0 &&
                      H5Pset_sieve_buf_size(access.get(), 0) >= 0 &&
                      H5Pset_file_locking(access.get(), false, true) >= 0 &&
                      H5Pset_libver_bounds(access.get(), H5F_LIBVER_V18, H5F_LIBVER_V110) >= 0;
    require(made, "HDF5 refuses the access properties; {}", hdf5_fault());
    return access;
}

// HDF5 writes the moment of creation into objects unless told not to.
HdfProperties timeless(hid_t property_class) {
    HdfProperties properties(H5Pcreate(property_class));
    bool const made = properties.get() >= 0 && H5Pset_obj_track_times(properties.get(), false) >= 0;
    require(made, "HDF5 refuses creation without times; {}", hdf5_fault());
    return properties;
}

void make_groups(hid_t file, std::string const& object, std::filesystem::path const& path) {
    for (auto end = object.find('/', 1); end != std::string::npos;
         end = object.find('/', end + 1)) {
        auto const group = object.substr(0, end);
        if (H5Lexists(file, group.c_str(), H5P_DEFAULT) > 0) {
            continue;
        }
        auto const creation = timeless(H5P_GROUP_CREATE);
        HdfGroup const made(
            H5Gcreate2(file, group.c_str(), H5P_DEFAULT, creation.get(), H5P_DEFAULT)
        );
        require_environment(
            made.get() >= 0, "{}: group {} cannot be made; {}", path.string(), group, hdf5_fault()
        );
    }
}

HdfSpace space_of(std::vector<std::int64_t> const& shape) {
    if (shape.empty()) {
        return HdfSpace(H5Screate(H5S_SCALAR));
    }
    std::vector<hsize_t> const extents(shape.begin(), shape.end());
    return HdfSpace(H5Screate_simple(static_cast<int>(extents.size()), extents.data(), nullptr));
}

}  // namespace

Hdf5Writer::Hdf5Writer(std::filesystem::path const& path) : path_(path) {
    std::scoped_lock const lock(hdf5_mutex());
    auto const access = access_properties();
    auto const creation = timeless(H5P_FILE_CREATE);
    file_ = HdfFile(H5Fcreate(path.c_str(), H5F_ACC_TRUNC, creation.get(), access.get()));
    require_environment(
        file_.get() >= 0, "{}: cannot be written; is the folder there and writable? {}",
        path.string(), hdf5_fault()
    );
}

void Hdf5Writer::create(
    std::string const& dataset, StoredType type, std::vector<std::int64_t> const& shape
) {
    for (auto const extent : shape) {
        require(extent >= 0, "{}: {} has an extent of {}", path_.string(), dataset, extent);
    }
    std::scoped_lock const lock(hdf5_mutex());
    make_groups(file_.get(), dataset, path_);
    auto const creation = timeless(H5P_DATASET_CREATE);
    bool const set = H5Pset_layout(creation.get(), H5D_CONTIGUOUS) >= 0 &&
                     H5Pset_alloc_time(creation.get(), H5D_ALLOC_TIME_EARLY) >= 0 &&
                     H5Pset_fill_time(creation.get(), H5D_FILL_TIME_NEVER) >= 0;
    require(set, "HDF5 refuses a contiguous dataset; {}", hdf5_fault());
    auto const stored = hdf5_type(type);
    auto const space = space_of(shape);
    HdfDataset const made(H5Dcreate2(
        file_.get(), dataset.c_str(), stored.get(), space.get(), H5P_DEFAULT, creation.get(),
        H5P_DEFAULT
    ));
    require_environment(
        made.get() >= 0, "{}: dataset {} cannot be made; {}", path_.string(), dataset, hdf5_fault()
    );
}

void Hdf5Writer::write_rows(
    std::string const& dataset,
    std::int64_t first,
    std::int64_t count,
    std::span<std::byte const> data
) {
    std::scoped_lock const lock(hdf5_mutex());
    auto const what = path_.string() + ": " + dataset;
    HdfDataset const opened(H5Dopen2(file_.get(), dataset.c_str(), H5P_DEFAULT));
    require(opened.get() >= 0, "{}: written before it was created", what);
    HdfType const stored(H5Dget_type(opened.get()));
    auto const extents = extents_of(opened.get(), what);
    auto const rows = extents.empty() ? 1 : extents[0];
    require(
        0 <= first && 0 <= count && first <= rows - count,
        "{}: has {} rows; rows [{}, {}) were to be written", what, rows, first, first + count
    );
    auto bytes = H5Tget_size(stored.get()) * static_cast<std::size_t>(extents.empty() ? 1 : count);
    for (std::size_t i = 1; i < extents.size(); ++i) {
        bytes *= static_cast<std::size_t>(extents[i]);
    }
    require(
        bytes == data.size(), "{}: {} rows are {} bytes; {} were given", what, count, bytes,
        data.size()
    );
    if (data.empty()) {
        return;
    }
    auto const rows_of = select_rows(opened.get(), extents, first, count);
    auto const status = H5Dwrite(
        opened.get(), stored.get(), rows_of.memory.get(), rows_of.file.get(), H5P_DEFAULT,
        data.data()
    );
    require_environment(status >= 0, "{}: writing failed; {}", what, hdf5_fault());
}

void Hdf5Writer::write(
    std::string const& dataset,
    StoredType type,
    std::vector<std::int64_t> const& shape,
    std::span<std::byte const> data
) {
    create(dataset, type, shape);
    write_rows(dataset, 0, shape.empty() ? 1 : shape[0], data);
}

void Hdf5Writer::text_attribute(
    std::string const& object, std::string const& name, std::string const& value
) {
    std::scoped_lock const lock(hdf5_mutex());
    HdfType const type(H5Tcopy(H5T_C_S1));
    bool const set = type.get() >= 0 && H5Tset_size(type.get(), value.size() + 1) >= 0 &&
                     H5Tset_cset(type.get(), H5T_CSET_UTF8) >= 0;
    HdfSpace const space(H5Screate(H5S_SCALAR));
    HdfAttribute const attribute(H5Acreate_by_name(
        file_.get(), object.c_str(), name.c_str(), type.get(), space.get(), H5P_DEFAULT,
        H5P_DEFAULT, H5P_DEFAULT
    ));
    bool const written =
        set && attribute.get() >= 0 && H5Awrite(attribute.get(), type.get(), value.c_str()) >= 0;
    require_environment(
        written, "{}: attribute \"{}\" of {} cannot be written; {}", path_.string(), name, object,
        hdf5_fault()
    );
}

void Hdf5Writer::integer_attribute(
    std::string const& object, std::string const& name, std::int64_t value
) {
    std::scoped_lock const lock(hdf5_mutex());
    HdfSpace const space(H5Screate(H5S_SCALAR));
    HdfAttribute const attribute(H5Acreate_by_name(
        file_.get(), object.c_str(), name.c_str(), H5T_STD_I64LE, space.get(), H5P_DEFAULT,
        H5P_DEFAULT, H5P_DEFAULT
    ));
    bool const written =
        attribute.get() >= 0 && H5Awrite(attribute.get(), H5T_NATIVE_INT64, &value) >= 0;
    require_environment(
        written, "{}: attribute \"{}\" of {} cannot be written; {}", path_.string(), name, object,
        hdf5_fault()
    );
}

Hdf5Writer::~Hdf5Writer() {
    give_up();
}

// HDF5 cannot close a file whose last metadata finds no room on the disk: it keeps it half freed,
// and the process crashes when HDF5 ends. So a file that is given up ends in memory instead.
void Hdf5Writer::give_up() noexcept {
    std::scoped_lock const lock(hdf5_mutex());
    void* descriptor = nullptr;
    if (file_.get() >= 0 && H5Fget_vfd_handle(file_.get(), H5P_DEFAULT, &descriptor) >= 0) {
        auto const memory = ::memfd_create("given up", MFD_CLOEXEC);
        if (memory >= 0) {
            ::dup2(memory, *static_cast<int const*>(descriptor));
            ::close(memory);
        }
    }
    file_ = HdfFile();
}

void Hdf5Writer::close(Flush flush) {
    {
        std::scoped_lock const lock(hdf5_mutex());
        // The last metadata goes out here: a full disk may first show now.
        bool const flushed = H5Fflush(file_.get(), H5F_SCOPE_GLOBAL) >= 0;
        require_environment(
            flushed, "{}: cannot be written to its end; {}", path_.string(), hdf5_fault()
        );
        file_ = HdfFile();
    }
    if (flush == Flush::at_close) {
        flush_to_disk(path_);
    }
}

}  // namespace isogloss
