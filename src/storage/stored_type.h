// storage/stored_type.h - the element types that datasets may have.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <type_traits>
#include <vector>

namespace isogloss {

/// Little-endian on disk. bf16 is a true HDF5 float type of 1 + 8 + 7 bits, so other programs read
/// its values too; here its elements are moved as they are, 16 bits each.
enum class StoredType : std::uint8_t { f32, bf16, i32, u16, u32, i64 };

constexpr std::int64_t bytes_of(StoredType type) {
    switch (type) {
        case StoredType::bf16:
        case StoredType::u16: return 2;
        case StoredType::f32:
        case StoredType::i32:
        case StoredType::u32: return 4;
        case StoredType::i64: return 8;
    }
    return 0;
}

constexpr char const* name_of(StoredType type) {
    switch (type) {
        case StoredType::f32: return "f32";
        case StoredType::bf16: return "bf16";
        case StoredType::i32: return "i32";
        case StoredType::u16: return "u16";
        case StoredType::u32: return "u32";
        case StoredType::i64: return "i64";
    }
    return "?";
}

/// The stored type of a C++ type; bf16 elements are passed as bytes with StoredType::bf16.
template <class T>
constexpr StoredType stored_type_of() {
    if constexpr (std::is_same_v<T, float>) {
        return StoredType::f32;
    } else if constexpr (std::is_same_v<T, std::int32_t>) {
        return StoredType::i32;
    } else if constexpr (std::is_same_v<T, std::uint16_t>) {
        return StoredType::u16;
    } else if constexpr (std::is_same_v<T, std::uint32_t>) {
        return StoredType::u32;
    } else {
        static_assert(std::is_same_v<T, std::int64_t>, "no dataset has this element type");
        return StoredType::i64;
    }
}

/// What a dataset's header says.
struct DatasetInfo {
    StoredType type = StoredType::f32;
    std::vector<std::int64_t> shape;

    [[nodiscard]] std::int64_t size() const {
        std::int64_t product = 1;
        for (auto const extent : shape) {
            product *= extent;
        }
        return product;
    }
    bool operator==(DatasetInfo const&) const = default;
};

}  // namespace isogloss
