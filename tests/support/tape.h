// tests/support/tape.h - derivatives of any formula: every operation writes down its partials.
#pragma once

#include <cmath>
#include <cstdint>
#include <vector>

namespace isogloss::test {

/// Reverse-mode differentiation, one scalar a node. Slow, small, and knows nothing of layers: the
/// gradient of whatever formula was written with it follows from the chain rule alone.
class Tape {
public:
    struct Node {
        std::int32_t parent[2] = {-1, -1};
        double partial[2] = {0.0, 0.0};
    };

    std::int32_t add(Node const& node) {
        nodes_.push_back(node);
        return static_cast<std::int32_t>(nodes_.size()) - 1;
    }

    /// d node / d every node before it.
    [[nodiscard]] std::vector<double> derivatives_of(std::int32_t node) const {
        std::vector<double> gradient(nodes_.size(), 0.0);
        gradient[static_cast<std::size_t>(node)] = 1.0;
        for (auto i = static_cast<std::size_t>(node) + 1; i-- > 0;) {
            for (int side = 0; side < 2; ++side) {
                if (nodes_[i].parent[side] >= 0) {
                    gradient[static_cast<std::size_t>(nodes_[i].parent[side])] +=
                        gradient[i] * nodes_[i].partial[side];
                }
            }
        }
        return gradient;
    }

private:
    std::vector<Node> nodes_;
};

/// A number on a tape. One that is on none is a constant.
struct Variable {
    double value = 0.0;
    std::int32_t node = -1;
    Tape* tape = nullptr;

    Variable() = default;
    Variable(double constant) : value(constant) {}  // NOLINT: constants enter formulas
    Variable(double start, Tape& on) : value(start), node(on.add({})), tape(&on) {}
    Variable(double result, Variable a, double da, Variable b, double db)
        : value(result), tape(a.tape != nullptr ? a.tape : b.tape) {
        if (tape != nullptr) {
            node = tape->add({{a.node, b.node}, {da, db}});
        }
    }
};

inline Variable operator+(Variable a, Variable b) {
    return {a.value + b.value, a, 1.0, b, 1.0};
}
inline Variable operator-(Variable a, Variable b) {
    return {a.value - b.value, a, 1.0, b, -1.0};
}
inline Variable operator*(Variable a, Variable b) {
    return {a.value * b.value, a, b.value, b, a.value};
}
inline Variable operator/(Variable a, Variable b) {
    return {a.value / b.value, a, 1.0 / b.value, b, -a.value / (b.value * b.value)};
}
inline Variable exp(Variable a) {
    double const e = std::exp(a.value);
    return {e, a, e, {}, 0.0};
}
inline Variable log(Variable a) {
    return {std::log(a.value), a, 1.0 / a.value, {}, 0.0};
}
inline Variable sqrt(Variable a) {
    double const root = std::sqrt(a.value);
    return {root, a, 0.5 / root, {}, 0.0};
}

inline double value_of(double x) {
    return x;
}
inline double value_of(Variable x) {
    return x.value;
}

}  // namespace isogloss::test
