// storage/hdf5_type.h - StoredType to HDF5's own types and back.
#pragma once

#include <optional>

#include "storage/hdf5_handle.h"
#include "storage/stored_type.h"

namespace isogloss {

/// The type in a file, and in memory: elements are never converted. Hold the lock.
HdfType hdf5_type(StoredType type);

/// Which StoredType a type in a file is, if any. Hold the lock.
std::optional<StoredType> stored_type(hid_t type);

}  // namespace isogloss
