// storage/hdf5_type.cpp
#include "storage/hdf5_type.h"

#include "base/require.h"

namespace isogloss {
namespace {

// Sign in bit 15, 8 bits of exponent from bit 7, 7 of mantissa from bit 0, bias 127.
HdfType bf16_type() {
    HdfType type(H5Tcopy(H5T_IEEE_F32LE));
    auto const id = type.get();
    bool const made = id >= 0 && H5Tset_fields(id, 15, 7, 8, 0, 7) >= 0 &&
                      H5Tset_size(id, 2) >= 0 && H5Tset_ebias(id, 127) >= 0;
    require(made, "HDF5 cannot make the bf16 type; {}", hdf5_fault());
    return type;
}

hid_t predefined(StoredType type) {
    switch (type) {
        case StoredType::f32: return H5T_IEEE_F32LE;
        case StoredType::i32: return H5T_STD_I32LE;
        case StoredType::u16: return H5T_STD_U16LE;
        case StoredType::u32: return H5T_STD_U32LE;
        default: return H5T_STD_I64LE;
    }
}

}  // namespace

HdfType hdf5_type(StoredType type) {
    return type == StoredType::bf16 ? bf16_type() : HdfType(H5Tcopy(predefined(type)));
}

std::optional<StoredType> stored_type(hid_t type) {
    for (auto const candidate :
         {StoredType::f32, StoredType::bf16, StoredType::i32, StoredType::u16, StoredType::u32,
          StoredType::i64}) {
        auto const known = hdf5_type(candidate);
        if (H5Tequal(type, known.get()) > 0) {
            return candidate;
        }
    }
    return std::nullopt;
}

}  // namespace isogloss
