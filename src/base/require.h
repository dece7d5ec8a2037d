// base/require.h - throws an Error unless a condition holds; the text is built only on failure.
#pragma once

#include <fmt/format.h>

#include <concepts>
#include <source_location>
#include <string_view>
#include <type_traits>
#include <utility>

#include "base/error.h"

namespace isogloss {

/// A format string, checked by the compiler, that remembers the line it stands on.
template <class... Args>
struct TextHere {
    template <std::convertible_to<std::string_view> S>
    consteval TextHere(  // NOLINT(google-explicit-constructor): a literal must convert
        S const& text,
        std::source_location here = std::source_location::current()
    )
        : format(text), where(here) {}

    fmt::format_string<Args...> format;
    std::source_location where;
};

template <class... Args>
using Text = TextHere<std::type_identity_t<Args>...>;

/// Throws an Error of kind `code` that carries the caller's line.
template <class... Args>
[[noreturn]] void fail(Exit code, Text<Args...> text, Args&&... args) {
    throw Error(code, fmt::format(text.format, std::forward<Args>(args)...), text.where);
}

/// A rule between our own parts (shapes, ranges): breaking it is our fault, exit 1.
template <class... Args>
void require(bool condition, Text<Args...> text, Args&&... args) {
    if (!condition) [[unlikely]] {
        throw Error(
            Exit::internal, fmt::format(text.format, std::forward<Args>(args)...), text.where
        );
    }
}

/// The same for what a user asked for: exit 2.
template <class... Args>
void require_usage(bool condition, Text<Args...> text, Args&&... args) {
    if (!condition) [[unlikely]] {
        throw Error(Exit::usage, fmt::format(text.format, std::forward<Args>(args)...), text.where);
    }
}

/// The same for what a file says: exit 3.
template <class... Args>
void require_data(bool condition, Text<Args...> text, Args&&... args) {
    if (!condition) [[unlikely]] {
        throw Error(Exit::data, fmt::format(text.format, std::forward<Args>(args)...), text.where);
    }
}

/// The same for what the machine grants (disk, memory, MPI): exit 4.
template <class... Args>
void require_environment(bool condition, Text<Args...> text, Args&&... args) {
    if (!condition) [[unlikely]] {
        throw Error(
            Exit::environment, fmt::format(text.format, std::forward<Args>(args)...), text.where
        );
    }
}

}  // namespace isogloss
