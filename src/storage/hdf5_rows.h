// storage/hdf5_rows.h - rows of the first index of a dataset, as HDF5 selects them.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "storage/hdf5_handle.h"

namespace isogloss {

/// The extents of a dataset; none for a single number. Hold the lock.
/// @throws Error  (data) beginning with `what`, when it has no such extents
std::vector<std::int64_t> extents_of(hid_t dataset, std::string const& what);

/// The two ends of a transfer of rows.
struct RowSelection {
    HdfSpace file;
    HdfSpace memory;
};

/// Rows [first, first + count) of a dataset with the given extents; without extents, the one number
/// that it is. The caller has checked the range. Hold the lock.
RowSelection select_rows(
    hid_t dataset, std::vector<std::int64_t> const& extents, std::int64_t first, std::int64_t count
);

}  // namespace isogloss
