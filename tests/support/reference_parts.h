// tests/support/reference_parts.h - the parts of a block by their formulas, in plain loops.
//
// Scalars are `double`, or `Variable` for the gradient.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <numbers>
#include <string>
#include <vector>

#include "model/config.h"
#include "support/reference_task.h"
#include "support/tape.h"

namespace isogloss::test {

/// ALiBi's slopes as its authors write them: those of a power of two begin with
/// 2^(-2^(3 - log2 n)) and go on by that ratio; other counts borrow every other of twice as many.
inline std::vector<double> reference_slopes(std::int64_t heads) {
    std::int64_t power = 1;
    while (2 * power <= heads) {
        power *= 2;
    }
    double const ratio = std::exp2(-std::exp2(3.0 - std::log2(static_cast<double>(power))));
    std::vector<double> slopes;
    for (double slope = ratio; static_cast<std::int64_t>(slopes.size()) < power; slope *= ratio) {
        slopes.push_back(slope);
    }
    if (power < heads) {
        auto const twice = reference_slopes(2 * power);
        for (std::size_t i = 0; static_cast<std::int64_t>(slopes.size()) < heads; i += 2) {
            slopes.push_back(twice[i]);
        }
    }
    return slopes;
}

/// Radians a position of pair i of W/2, scaled as the models' authors write it: by wave lengths.
inline double reference_frequency(ModelConfig const& config, std::int64_t i) {
    double const plain = std::pow(
        static_cast<double>(config.rope_theta),
        -2.0 * static_cast<double>(i) / static_cast<double>(config.head_width)
    );
    auto const& scaling = config.rope_scaling;
    auto const factor = static_cast<double>(scaling.factor);
    if (scaling.kind != RopeScalingKind::llama3) {
        return scaling.kind == RopeScalingKind::linear ? plain / factor : plain;
    }
    auto const low = static_cast<double>(scaling.low_frequency);
    auto const high = static_cast<double>(scaling.high_frequency);
    auto const original = static_cast<double>(scaling.original_positions);
    double const wave = 2.0 * std::numbers::pi / plain;
    if (wave < original / high) {
        return plain;
    }
    if (wave > original / low) {
        return plain / factor;
    }
    double const smooth = (original / wave - low) / (high - low);
    return (1.0 - smooth) * plain / factor + smooth * plain;
}

template <class S>
class ReferenceParts {
public:
    using Row = std::vector<S>;
    using Rows = std::vector<Row>;  // [token][width]

    ReferenceParts(ModelConfig const& config, Parameters<S> const& parameters)
        : config_(config), parameters_(parameters), slopes_(reference_slopes(config.num_heads)) {}

    static std::size_t index(std::int64_t i) { return static_cast<std::size_t>(i); }
    std::vector<S> const& weight(std::string const& name) const { return parameters_.at(name); }

    Row row_of(std::string const& name, std::int64_t row) const {
        auto const width = config_.width;
        auto const& values = weight(name);
        return Row(values.begin() + row * width, values.begin() + (row + 1) * width);
    }
    static void add_to(Row& x, Row const& y) {
        for (std::size_t d = 0; d < x.size(); ++d) {
            x[d] = x[d] + y[d];
        }
    }
    static void add_to(Rows& x, Rows const& y) {
        for (std::size_t n = 0; n < x.size(); ++n) {
            add_to(x[n], y[n]);
        }
    }
    // y = W x for W [out, in].
    Row product(Row const& x, std::string const& name) const {
        auto const& values = weight(name);
        Row y(values.size() / x.size(), S(0.0));
        for (std::size_t o = 0; o < y.size(); ++o) {
            for (std::size_t i = 0; i < x.size(); ++i) {
                y[o] = y[o] + values[o * x.size() + i] * x[i];
            }
        }
        return y;
    }
    Rows embedded(std::vector<std::int32_t> const& tokens) const {
        Rows x;
        for (auto const token : tokens) {
            x.push_back(row_of("embedding.weight", token));
            for (auto& value : x.back()) {
                value = value * S(embedding_scale());
            }
        }
        return config_.family.embedding_norm ? normalised(x, "embedding_norm") : x;
    }
    Rows normalised(Rows const& x, std::string const& name) const {
        Rows y = x;
        for (auto& row : y) {
            if (config_.family.norm == NormKind::layer) {
                centre(row);
            }
            divide_by_root(row, 0, static_cast<std::int64_t>(row.size()));
            for (std::size_t d = 0; d < row.size(); ++d) {
                auto const& gain = weight(name + ".weight")[d];
                row[d] =
                    row[d] * (config_.family.norm == NormKind::rms_offset ? S(1.0) + gain : gain);
                if (config_.family.norm == NormKind::layer) {
                    row[d] = row[d] + weight(name + ".bias")[d];
                }
            }
        }
        return y;
    }
    Rows attention(Rows const& h, ReferenceBatch const& batch, std::string const& layer) const {
        Rows qkv;
        for (std::size_t n = 0; n < h.size(); ++n) {
            qkv.push_back(product(h[n], layer + "attention.qkv.weight"));
            if (config_.qkv_bias) {
                add_to(qkv[n], weight(layer + "attention.qkv.bias"));
            }
            for (std::int64_t head = 0; head < config_.num_heads + config_.num_kv_heads; ++head) {
                if (config_.family.qk_norm) {
                    bool const is_query = head < config_.num_heads;
                    normalise_head(
                        qkv[n], head,
                        layer + (is_query ? "attention.q_norm.weight" : "attention.k_norm.weight")
                    );
                }
                if (config_.family.position == PositionKind::rotary) {
                    turn(qkv[n], head, batch.position[n]);
                }
            }
        }
        Rows y;
        for (std::size_t n = 0; n < h.size(); ++n) {
            Row mixed;
            for (std::int64_t head = 0; head < config_.num_heads; ++head) {
                auto const part = attend(qkv, batch, n, head);
                mixed.insert(mixed.end(), part.begin(), part.end());
            }
            y.push_back(product(mixed, layer + "attention.output.weight"));
            add_bias(y[n], layer + "attention.output.bias");
        }
        return y;
    }
    Row feed_forward(Row const& h, std::string const& expert) const {
        bool const is_gelu = config_.family.feed_forward == FeedForwardKind::gelu;
        auto const name = expert + (is_gelu ? "up" : "gate_up");
        auto both = product(h, name + ".weight");
        add_bias(both, name + ".bias");
        auto const width = is_gelu ? both.size() : both.size() / 2;
        Row hidden;
        for (std::size_t f = 0; f < width; ++f) {
            auto const active = activation(both[f]);
            hidden.push_back(is_gelu ? active : active * both[width + f]);
        }
        auto y = product(hidden, expert + "down.weight");
        add_bias(y, expert + "down.bias");
        return y;
    }

protected:
    ModelConfig const& config_;

private:
    double embedding_scale() const {
        if (!config_.family.embedding_scale) {
            return 1.0;
        }
        // Rounded to 24 or 8 bits.
        int exponent = 0;
        double const part = std::frexp(std::sqrt(static_cast<double>(config_.width)), &exponent);
        int const bits = config_.dtype == DType::bf16 ? 8 : 24;
        return std::ldexp(std::nearbyint(std::ldexp(part, bits)), exponent - bits);
    }
    void add_bias(Row& y, std::string const& name) const {
        if (config_.family.linear_bias) {
            add_to(y, weight(name));
        }
    }
    static void centre(Row& row) {
        S sum = S(0.0);
        for (auto const& value : row) {
            sum = sum + value;
        }
        for (auto& value : row) {
            value = value - sum / S(static_cast<double>(row.size()));
        }
    }
    // Elements [begin, end) divided by the root of their mean square and epsilon.
    void divide_by_root(Row& row, std::int64_t begin, std::int64_t end) const {
        using std::sqrt;
        S squares = S(0.0);
        for (auto d = begin; d < end; ++d) {
            squares = squares + row[index(d)] * row[index(d)];
        }
        S const root = sqrt(
            squares / S(static_cast<double>(end - begin)) +
            S(static_cast<double>(config_.norm_epsilon))
        );
        for (auto d = begin; d < end; ++d) {
            row[index(d)] = row[index(d)] / root;
        }
    }
    void normalise_head(Row& row, std::int64_t head, std::string const& gain) const {
        auto const first = head * config_.head_width;
        divide_by_root(row, first, first + config_.head_width);
        for (std::int64_t w = 0; w < config_.head_width; ++w) {
            row[index(first + w)] = row[index(first + w)] * weight(gain)[index(w)];
        }
    }
    // silu(z), or gelu(z) by its tanh form: 1 + tanh(u) = 2 / (1 + exp(-2u)).
    S activation(S const& z) const {
        using std::exp;
        if (config_.family.feed_forward == FeedForwardKind::swiglu) {
            return z / (S(1.0) + exp(S(0.0) - z));
        }
        S const u = S(std::sqrt(2.0 / std::numbers::pi)) * (z + S(0.044715) * z * z * z);
        return z / (S(1.0) + exp(S(-2.0) * u));
    }
    // Pairs (i, i + W/2) of head `head` of `row` turned by position * frequency.
    void turn(Row& row, std::int64_t head, std::int32_t position) const {
        auto const width = config_.head_width;
        for (std::int64_t i = 0; i < width / 2; ++i) {
            double const angle = position * reference_frequency(config_, i);
            auto& a = row[index(head * width + i)];
            auto& b = row[index(head * width + i + width / 2)];
            S const turned = a * S(std::cos(angle)) - b * S(std::sin(angle));
            b = a * S(std::sin(angle)) + b * S(std::cos(angle));
            a = turned;
        }
    }
    Row attend(Rows const& qkv, ReferenceBatch const& batch, std::size_t n, std::int64_t head)
        const {
        using std::exp;
        auto const width = config_.head_width;
        auto const kv = head / (config_.num_heads / config_.num_kv_heads);
        auto const row_start = n / index(batch.row_length) * index(batch.row_length);
        auto const first = row_start + index(batch.document_start[n]);
        auto const key = (config_.num_heads + kv) * width;
        auto const value = (config_.num_heads + config_.num_kv_heads + kv) * width;
        S total = S(0.0);
        Row sum(index(width), S(0.0));
        for (auto j = first; j <= n; ++j) {
            S score = S(0.0);
            for (std::int64_t w = 0; w < width; ++w) {
                score = score + qkv[n][index(head * width + w)] * qkv[j][index(key + w)];
            }
            double const lost = config_.family.position == PositionKind::alibi
                                    ? slopes_[index(head)] * static_cast<double>(n - j)
                                    : 0.0;
            S const weighted = exp(score / S(std::sqrt(static_cast<double>(width))) - S(lost));
            total = total + weighted;
            for (std::int64_t w = 0; w < width; ++w) {
                sum[index(w)] = sum[index(w)] + weighted * qkv[j][index(value + w)];
            }
        }
        for (auto& element : sum) {
            element = element / total;
        }
        return sum;
    }

    Parameters<S> const& parameters_;
    std::vector<double> slopes_;
};

}  // namespace isogloss::test
