// kernels/cached_attention.cpp
#include "kernels/cached_attention.h"

#include "kernels/backend.h"
#include "kernels/checks.h"

namespace isogloss {
namespace {

template <class T>
void require_places(
    View<T const, 2> qkv, CachePlaces const& places, KeyValueCache<T> const& cache
) {
    auto const& s = places.shape;
    require(
        s.kv_heads > 0 && s.heads % s.kv_heads == 0 && s.head_width > 0,
        "cached_attention: {} heads, {} key and value heads, width {}", s.heads, s.kv_heads,
        s.head_width
    );
    auto const tokens = qkv.shape[0];
    require_shape(
        "cached_attention: qkv", qkv, {tokens, (s.heads + 2 * s.kv_heads) * s.head_width}
    );
    require_shape("cached_attention: sequence", places.sequence, {tokens});
    require_shape("cached_attention: position", places.position, {tokens});
    require_shape(
        "cached_attention: kept", cache.kept,
        {cache.kept.shape[0], cache.kept.shape[1], 2 * s.kv_heads * s.head_width}
    );
    require_one_device("cached_attention", qkv, places.sequence, places.position, cache.kept);
    if (s.slope.data != nullptr) {
        require_shape("cached_attention: slope", s.slope, {s.heads});
        require_one_device("cached_attention", qkv, s.slope);
    }
}

}  // namespace

template <class T>
void store_keys_values(
    View<T const, 2> qkv, CachePlaces const& places, KeyValueCache<T> const& cache, Stream stream
) {
    require_places(qkv, places, cache);
    switch (qkv.device) {
        case Device::cpu: return cpu::store_keys_values(qkv, places, cache, stream);
        case Device::cuda: return cuda::store_keys_values(qkv, places, cache, stream);
    }
}

template <class T>
void cached_attention(
    View<T const, 2> qkv,
    CachePlaces const& places,
    KeyValueCache<T> const& cache,
    View<T, 2> out,
    Stream stream
) {
    require_places(qkv, places, cache);
    require_shape(
        "cached_attention: out", out, {qkv.shape[0], places.shape.heads * places.shape.head_width}
    );
    require_one_device("cached_attention", qkv, out);
    switch (qkv.device) {
        case Device::cpu: return cpu::cached_attention(qkv, places, cache, out, stream);
        case Device::cuda: return cuda::cached_attention(qkv, places, cache, out, stream);
    }
}

template decltype(store_keys_values<float>) store_keys_values<float>;
template decltype(store_keys_values<bf16>) store_keys_values<bf16>;
template decltype(cached_attention<float>) cached_attention<float>;
template decltype(cached_attention<bf16>) cached_attention<bf16>;

}  // namespace isogloss
