// kernels/cached_attention_cpu.cpp
#include <algorithm>
#include <cmath>
#include <vector>

#include "base/require.h"
#include "kernels/attention_heads.h"
#include "kernels/backend.h"
#include "kernels/parallel.h"
#include "kernels/vector_math.h"

namespace isogloss::cpu {
namespace {

template <class T>
void require_inside(CachePlaces const& places, KeyValueCache<T> const& cache) {
    for (std::int64_t n = 0; n < places.position.size(); ++n) {
        auto const sequence = places.sequence.data[n];
        auto const position = places.position.data[n];
        require(
            sequence >= 0 && sequence < cache.kept.shape[0] && position >= 0 &&
                position < cache.kept.shape[1],
            "cached_attention: token {} at place {} of sequence {}; there are {} places of {}", n,
            position, sequence, cache.kept.shape[1], cache.kept.shape[0]
        );
    }
}

/// One query against the keys and values of its sequence.
template <class T>
class OneQuery {
public:
    OneQuery(AttentionShape const& shape, std::int64_t places)
        : width_(shape.head_width),
          stride_(2 * shape.kv_heads * shape.head_width),
          scale_(1.0F / std::sqrt(static_cast<float>(shape.head_width))),
          weight_(static_cast<std::size_t>(places)),
          sum_(static_cast<std::size_t>(shape.head_width)) {}

    /// @param key, value  of the sequence's first token; others are a stride apart
    void run(T const* query, T const* key, T const* value, std::int64_t tokens, float slope) {
        float largest = -INFINITY;
        for (std::int64_t j = 0; j < tokens; ++j) {
            float dot = 0.0F;
#pragma omp simd reduction(+ : dot)
            for (std::int64_t w = 0; w < width_; ++w) {
                dot += to_float(query[w]) * to_float(key[j * stride_ + w]);
            }
            float const score = dot * scale_ - slope * static_cast<float>(tokens - 1 - j);
            weight_[static_cast<std::size_t>(j)] = score;
            largest = std::max(largest, score);
        }
        std::fill(sum_.begin(), sum_.end(), 0.0F);
        total_ = 0.0F;
        for (std::int64_t j = 0; j < tokens; ++j) {
            float const e = exp_fast(weight_[static_cast<std::size_t>(j)] - largest);
            total_ += e;
#pragma omp simd
            for (std::int64_t w = 0; w < width_; ++w) {
                sum_[static_cast<std::size_t>(w)] += e * to_float(value[j * stride_ + w]);
            }
        }
    }
    void write(T* out) const {
        for (std::int64_t w = 0; w < width_; ++w) {
            out[w] = from_float<T>(sum_[static_cast<std::size_t>(w)] / total_);
        }
    }

private:
    std::int64_t width_;
    std::int64_t stride_;
    float scale_;
    float total_ = 0.0F;
    std::vector<float> weight_;
    std::vector<float> sum_;
};

}  // namespace

template <class T>
void store_keys_values(
    View<T const, 2> qkv,
    CachePlaces const& places,
    KeyValueCache<T> const& cache,
    Stream /*stream*/
) {
    require_inside(places, cache);
    std::int64_t const size = cache.kept.shape[2];
    std::int64_t const queries = places.shape.heads * places.shape.head_width;
    for (std::int64_t n = 0; n < qkv.shape[0]; ++n) {
        std::int64_t const place =
            places.sequence.data[n] * cache.kept.shape[1] + places.position.data[n];
        std::copy_n(qkv.data + n * qkv.shape[1] + queries, size, cache.kept.data + place * size);
    }
}

template <class T>
void cached_attention(
    View<T const, 2> qkv,
    CachePlaces const& places,
    KeyValueCache<T> const& cache,
    View<T, 2> out,
    Stream /*stream*/
) {
    require_inside(places, cache);
    auto const& s = places.shape;
    std::int64_t const capacity = cache.kept.shape[1];
    std::int64_t const size = cache.kept.shape[2];
    std::int64_t const group = s.heads / s.kv_heads;
    parallel_rows(
        qkv.shape[0] * s.heads, capacity * s.head_width,
        [&](std::int64_t begin, std::int64_t end) {
            OneQuery<T> one(s, capacity);
            for (std::int64_t i = begin; i < end; ++i) {
                std::int64_t const n = i / s.heads;
                std::int64_t const h = i % s.heads;
                T const* const key = cache.kept.data + places.sequence.data[n] * capacity * size +
                                     h / group * s.head_width;
                one.run(
                    qkv.data + n * qkv.shape[1] + h * s.head_width, key,
                    key + s.kv_heads * s.head_width, places.position.data[n] + 1, slope_of(s, h)
                );
                one.write(out.data + i * s.head_width);
            }
        }
    );
}

template decltype(store_keys_values<float>) store_keys_values<float>;
template decltype(store_keys_values<bf16>) store_keys_values<bf16>;
template decltype(cached_attention<float>) cached_attention<float>;
template decltype(cached_attention<bf16>) cached_attention<bf16>;

}  // namespace isogloss::cpu
