// base/math.h - integer arithmetic that std lacks.
#pragma once

#include <concepts>
#include <cstddef>
#include <cstdint>

namespace isogloss {

/// i >= 0 as an index into a container of std.
constexpr std::size_t index(std::integral auto i) {
    return static_cast<std::size_t>(i);
}

/// Smallest integer >= a / b; a >= 0, b > 0.
constexpr std::int64_t ceil_div(std::int64_t a, std::int64_t b) {
    return (a + b - 1) / b;
}

/// Smallest multiple of b that is >= a; a >= 0, b > 0.
constexpr std::int64_t round_up(std::int64_t a, std::int64_t b) {
    return ceil_div(a, b) * b;
}

/// Element range [begin, end).
struct Range {
    std::int64_t begin = 0;
    std::int64_t end = 0;

    [[nodiscard]] constexpr std::int64_t size() const { return end - begin; }
    constexpr bool operator==(Range const&) const = default;
};

/// Part `index` of `size` elements split into `parts` runs whose lengths differ by at most one.
constexpr Range even_part(std::int64_t size, std::int64_t parts, std::int64_t index) {
    return {
        size / parts * index + (index < size % parts ? index : size % parts),
        size / parts * (index + 1) + (index + 1 < size % parts ? index + 1 : size % parts)};
}

}  // namespace isogloss
