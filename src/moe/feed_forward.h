// moe/feed_forward.h - the kinds of feed-forward that an expert may be.
#pragma once

#include <cstdint>

namespace isogloss {

/// gelu is its tanh form: z/2 (1 + tanh(sqrt(2/pi) (z + 0.044715 z^3))).
enum class FeedForwardKind : std::uint8_t {
    swiglu,  ///< down(silu(gate x) * up x): 3 F D weights
    geglu,   ///< down(gelu(gate x) * up x): 3 F D weights
    gelu,    ///< down(gelu(up x)): 2 F D weights
};

constexpr char const* name_of(FeedForwardKind kind) {
    switch (kind) {
        case FeedForwardKind::swiglu: return "swiglu";
        case FeedForwardKind::geglu: return "geglu";
        case FeedForwardKind::gelu: return "gelu";
    }
    return "";
}

/// Whether the first matrix has gate rows before its up rows.
constexpr bool is_gated(FeedForwardKind kind) {
    return kind != FeedForwardKind::gelu;
}

/// Rows of the first matrix for a hidden width of F.
constexpr std::int64_t first_rows(FeedForwardKind kind, std::int64_t hidden) {
    return is_gated(kind) ? 2 * hidden : hidden;
}

}  // namespace isogloss
