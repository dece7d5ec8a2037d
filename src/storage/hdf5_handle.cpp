// storage/hdf5_handle.cpp
#include "storage/hdf5_handle.h"

namespace isogloss {
namespace {

// The walk goes from the outermost call to the innermost; the innermost says what happened.
herr_t keep_last(unsigned /*depth*/, H5E_error2_t const* error, void* text) {
    if (error->desc != nullptr && *error->desc != '\0') {
        *static_cast<std::string*>(text) = error->desc;
    }
    return 0;
}

}  // namespace

std::recursive_mutex& hdf5_mutex() {
    static std::recursive_mutex mutex;
    static bool const quiet = H5Eset_auto2(H5E_DEFAULT, nullptr, nullptr) >= 0;
    static_cast<void>(quiet);
    return mutex;
}

std::string hdf5_fault() {
    std::string text;
    H5Ewalk2(H5E_DEFAULT, H5E_WALK_DOWNWARD, keep_last, &text);
    return text.empty() ? "HDF5 gives no reason" : "HDF5 says: " + text;
}

}  // namespace isogloss
