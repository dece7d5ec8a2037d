// storage/hdf5_handle.h - owners of HDF5 ids, and the one lock that every HDF5 call holds.
#pragma once

#include <hdf5.h>

#include <mutex>
#include <string>

#include "base/unique_handle.h"

namespace isogloss {

/// HDF5 as distributions build it is not thread-safe, and a loader reads while a checkpoint is
/// written: whoever calls HDF5, on any thread, holds this. The first call also stops HDF5 from
/// printing errors itself.
std::recursive_mutex& hdf5_mutex();

/// What HDF5 says went wrong in the last failed call: the text of its innermost error. Hold the
/// lock.
std::string hdf5_fault();

template <herr_t (*kClose)(hid_t)>
struct HidTraits {
    using type = hid_t;
    static type null() noexcept { return H5I_INVALID_HID; }
    static void release(type id) noexcept {
        std::scoped_lock const lock(hdf5_mutex());
        kClose(id);
    }
};

using HdfFile = UniqueHandle<HidTraits<H5Fclose>>;
using HdfObject = UniqueHandle<HidTraits<H5Oclose>>;
using HdfGroup = UniqueHandle<HidTraits<H5Gclose>>;
using HdfDataset = UniqueHandle<HidTraits<H5Dclose>>;
using HdfSpace = UniqueHandle<HidTraits<H5Sclose>>;
using HdfType = UniqueHandle<HidTraits<H5Tclose>>;
using HdfAttribute = UniqueHandle<HidTraits<H5Aclose>>;
using HdfProperties = UniqueHandle<HidTraits<H5Pclose>>;

}  // namespace isogloss
