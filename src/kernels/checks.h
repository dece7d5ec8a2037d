// kernels/checks.h - what every operation asks of its views before it starts.
#pragma once

#include <fmt/format.h>

#include <array>
#include <cstdint>

#include "base/require.h"
#include "device/view.h"

namespace isogloss {

/// @throws Error  unless `view` has the shape `expected`; `name` says which view of which operation
template <class T, std::size_t rank>
void require_shape(
    char const* name, View<T, rank> const& view, std::array<std::int64_t, rank> const& expected
) {
    require(
        view.shape == expected, "{} is [{}]; it must be [{}]", name, fmt::join(view.shape, ", "),
        fmt::join(expected, ", ")
    );
}

/// @throws Error  unless all views lie on the device of the first
template <class First, class... Rest>
void require_one_device(char const* operation, First const& first, Rest const&... rest) {
    require(((rest.device == first.device) && ...), "{}: views lie on two devices", operation);
}

}  // namespace isogloss
