// checkpoint/foreign_elements.cpp
#include "checkpoint/foreign_elements.h"

#include <bit>
#include <cmath>
#include <cstdint>
#include <cstring>

#include "base/require.h"

namespace isogloss {
namespace {

/// IEEE half precision: 1 + 5 + 10 bits.
float half_to_float(std::uint16_t half) {
    std::uint32_t const sign = (half & 0x8000U) << 16U;
    std::uint32_t const exponent = (half >> 10U) & 0x1FU;
    std::uint32_t const mantissa = half & 0x3FFU;
    if (exponent == 0) {  // zero, or below the normal numbers
        float const size = std::ldexp(static_cast<float>(mantissa), -24);
        return sign == 0 ? size : -size;
    }
    std::uint32_t const wide = exponent == 31 ? 255U : exponent + 112U;
    return std::bit_cast<float>(sign | (wide << 23U) | (mantissa << 13U));
}

float float_at(std::byte const* element, ForeignType type) {
    if (type == ForeignType::f32) {
        float value = 0.0F;
        std::memcpy(&value, element, sizeof(value));
        return value;
    }
    std::uint16_t bits = 0;
    std::memcpy(&bits, element, sizeof(bits));
    return type == ForeignType::f16 ? half_to_float(bits) : to_float(bf16{bits});
}

template <class T>
void convert(std::span<std::byte const> from, ForeignType type, std::vector<std::byte>& to) {
    auto const step = static_cast<std::size_t>(bytes_of(type));
    for (std::size_t i = 0; i < from.size() / step; ++i) {
        auto const value = from_float<T>(float_at(from.data() + i * step, type));
        std::memcpy(to.data() + i * sizeof(T), &value, sizeof(T));
    }
}

}  // namespace

bool is_weight_type(ForeignType type) {
    return type == ForeignType::f32 || type == ForeignType::f16 || type == ForeignType::bf16;
}

ForeignType foreign_type_of(DType type) {
    require(type != DType::i32, "weights are f32 or bf16");
    return type == DType::bf16 ? ForeignType::bf16 : ForeignType::f32;
}

std::vector<std::byte> converted(std::span<std::byte const> elements, ForeignType from, DType to) {
    require(is_weight_type(from), "elements of type {} are no weights", name_of(from));
    auto const count = elements.size() / static_cast<std::size_t>(bytes_of(from));
    std::vector<std::byte> result(count * static_cast<std::size_t>(bytes_of(to)));
    if (from == foreign_type_of(to)) {
        std::memcpy(result.data(), elements.data(), result.size());
    } else if (to == DType::bf16) {
        convert<bf16>(elements, from, result);
    } else {
        convert<float>(elements, from, result);
    }
    return result;
}

bool fits_bf16(std::span<std::byte const> floats) {
    for (std::size_t i = 0; i + sizeof(std::uint32_t) <= floats.size();
         i += sizeof(std::uint32_t)) {
        std::uint32_t bits = 0;
        std::memcpy(&bits, floats.data() + i, sizeof(bits));
        if ((bits & 0xFFFFU) != 0) {
            return false;
        }
    }
    return true;
}

}  // namespace isogloss
