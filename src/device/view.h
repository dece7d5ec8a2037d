// device/view.h - a tensor that somebody else owns: pointer, shape, device.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <type_traits>

#include "device/bf16.h"

namespace isogloss {

enum class Device : std::uint8_t { cpu, cuda };

/// Element types that are stored in files and sent between ranks.
enum class DType : std::uint8_t { f32, bf16, i32 };

template <class T>
constexpr DType dtype_of() {
    using Plain = std::remove_const_t<T>;
    static_assert(std::is_same_v<Plain, float> || std::is_same_v<Plain, bf16> || std::is_same_v<Plain, std::int32_t>);
    if constexpr (std::is_same_v<Plain, float>) {
        return DType::f32;
    } else if constexpr (std::is_same_v<Plain, bf16>) {
        return DType::bf16;
    } else {
        return DType::i32;
    }
}

constexpr std::int64_t bytes_of(DType type) {
    return type == DType::bf16 ? 2 : 4;
}
constexpr char const* name_of(DType type) {
    return type == DType::f32 ? "f32" : type == DType::bf16 ? "bf16" : "i32";
}

/// The queue that work on a device is put in. The CPU has none and works at once.
struct Stream {
    void* handle = nullptr;
};

/// Dense, row-major, last index fastest. A view is passed by value and owns nothing.
template <class T, std::size_t rank>
struct View {
    T* data = nullptr;
    std::array<std::int64_t, rank> shape{};
    Device device = Device::cpu;

    [[nodiscard]] constexpr std::int64_t size() const {
        std::int64_t product = 1;
        for (auto const extent : shape) {
            product *= extent;
        }
        return product;
    }

    /// Rows [begin, end) of the first index.
    [[nodiscard]] constexpr View rows(std::int64_t begin, std::int64_t end) const {
        std::int64_t stride = 1;
        for (std::size_t i = 1; i < rank; ++i) {
            stride *= shape[i];
        }
        auto part = *this;
        part.data += begin * stride;
        part.shape[0] = end - begin;
        return part;
    }

    /// The same elements with another shape of the same size.
    template <std::size_t other>
    [[nodiscard]] constexpr View<T, other> reshaped(std::array<std::int64_t, other> const& to
    ) const {
        return {data, to, device};
    }

    [[nodiscard]] constexpr View<T, 1> flat() const { return {data, {size()}, device}; }

    /// Host memory only.
    [[nodiscard]] std::span<T> span() const { return {data, static_cast<std::size_t>(size())}; }

    template <class U>
    requires(std::is_same_v<U, T const> && !std::is_const_v<T>) constexpr operator View<U, rank>(
    ) const {  // NOLINT: a view of more becomes a view of less
        return {data, shape, device};
    }
};

}  // namespace isogloss
