// tests/moe/bounded.h - a double that knows how far float arithmetic may be from it.
#pragma once

#include <cmath>
#include <span>

namespace isogloss {

/// A value and a bound of the error that float arithmetic has made when it computed the same,
/// whatever the order of its sums.
///
/// Running error analysis (Higham, Accuracy and Stability of Numerical Algorithms, section 3.3):
/// each operation adds kUnit times its result to the errors that its operands bring along.
struct Bounded {
    static constexpr double kUnit = 0x1p-24;  ///< of a float, rounded to nearest

    double value = 0.0;
    double error = 0.0;

    Bounded() = default;
    Bounded(double exact) : value(exact) {}  // NOLINT(google-explicit-constructor): a number
    Bounded(double v, double e) : value(v), error(e) {}

    [[nodiscard]] double size() const { return std::abs(value) + error; }
};

inline Bounded operator+(Bounded a, Bounded b) {
    Bounded const sum{a.value + b.value, a.error + b.error};
    return {sum.value, sum.error + Bounded::kUnit * sum.size()};
}
inline Bounded operator-(Bounded a, Bounded b) {
    return a + Bounded{-b.value, b.error};
}
inline Bounded operator*(Bounded a, Bounded b) {
    double const error = std::abs(a.value) * b.error + b.size() * a.error;
    return {a.value * b.value, error + Bounded::kUnit * (std::abs(a.value * b.value) + error)};
}
inline Bounded operator/(Bounded a, Bounded b) {
    double const quotient = a.value / b.value;
    double const error = (a.error + std::abs(quotient) * b.error) / (std::abs(b.value) - b.error);
    return {quotient, error + Bounded::kUnit * (std::abs(quotient) + error)};
}

/// Vectorised exponentials are good to a few units in the last place; eight are allowed.
inline Bounded exp(Bounded a) {
    double const value = std::exp(a.value);
    return {value, value * (std::expm1(a.error) + 8 * Bounded::kUnit * std::exp(a.error))};
}

/// A sum of n terms in any order: at most n - 1 roundings, each of at most the sum of sizes.
class BoundedSum {
public:
    void add(Bounded term) {
        value_ += term.value;
        error_ += term.error;
        size_ += term.size();
        terms_ += 1.0;
    }
    [[nodiscard]] Bounded total() const {
        return {value_, error_ + terms_ * Bounded::kUnit * size_ * (1.0 + 1e-3)};
    }

private:
    double value_ = 0.0;
    double error_ = 0.0;
    double size_ = 0.0;
    double terms_ = 0.0;
};

}  // namespace isogloss
