// storage/hdf5_rows.cpp
#include "storage/hdf5_rows.h"

#include "base/require.h"

namespace isogloss {

std::vector<std::int64_t> extents_of(hid_t dataset, std::string const& what) {
    constexpr int kMaxIndices = 8;
    HdfSpace const space(H5Dget_space(dataset));
    auto const indices = space.get() < 0 ? -1 : H5Sget_simple_extent_ndims(space.get());
    bool const simple = indices >= 0 && indices <= kMaxIndices &&
                        H5Sget_simple_extent_type(space.get()) != H5S_NULL;
    require_data(simple, "{}: has no shape of at most {} indices", what, kMaxIndices);
    std::vector<hsize_t> extents(static_cast<std::size_t>(indices));
    auto const status = H5Sget_simple_extent_dims(space.get(), extents.data(), nullptr);
    require_data(status >= 0, "{}: its shape cannot be read; {}", what, hdf5_fault());
    for (auto const extent : extents) {
        require_data(extent <= INT64_MAX, "{}: has an extent of {}", what, extent);
    }
    return {extents.begin(), extents.end()};
}

RowSelection select_rows(
    hid_t dataset, std::vector<std::int64_t> const& extents, std::int64_t first, std::int64_t count
) {
    HdfSpace file(H5Dget_space(dataset));
    if (extents.empty()) {
        HdfSpace memory(H5Screate(H5S_SCALAR));
        return {std::move(file), std::move(memory)};
    }
    std::vector<hsize_t> counts(extents.begin(), extents.end());
    counts[0] = static_cast<hsize_t>(count);
    std::vector<hsize_t> start(extents.size(), 0);
    start[0] = static_cast<hsize_t>(first);
    auto const indices = static_cast<int>(extents.size());
    HdfSpace memory(H5Screate_simple(indices, counts.data(), nullptr));
    auto const selected = H5Sselect_hyperslab(
        file.get(), H5S_SELECT_SET, start.data(), nullptr, counts.data(), nullptr
    );
    require(
        selected >= 0 && memory.get() >= 0, "HDF5 cannot select rows [{}, {}); {}", first,
        first + count, hdf5_fault()
    );
    return {std::move(file), std::move(memory)};
}

}  // namespace isogloss
