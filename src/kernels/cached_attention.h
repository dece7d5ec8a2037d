// kernels/cached_attention.h - attention of new tokens to keys and values kept from earlier passes.
#pragma once

#include "device/view.h"
#include "kernels/attention.h"

namespace isogloss {

/// Keys and values of S sequences, C places each: place p holds those of the sequence's token p.
template <class T>
struct KeyValueCache {
    View<T, 3> kept;  ///< [S, C, 2 G W]: keys, then values
};

/// Where N new tokens stand. `shape` says heads, widths and slopes; its rows are not looked at.
struct CachePlaces {
    AttentionShape shape;
    View<std::int32_t const, 1> sequence;  ///< [N] in [0, S)
    View<std::int32_t const, 1> position;  ///< [N] in [0, C)
};

/// kept[sequence[n], position[n]] = keys and values of token n.     qkv [N, (H + 2 G) W]
template <class T>
void store_keys_values(
    View<T const, 2> qkv, CachePlaces const& places, KeyValueCache<T> const& cache, Stream stream
);

/// The formula of attention() for each query over places 0 to position[n] of its sequence, its own
/// included, which must have been stored before: the document is all that was kept.
///
/// @param qkv  [N, (H + 2 G) W]: only the queries are looked at
/// @param out  [N, H W] out
template <class T>
void cached_attention(
    View<T const, 2> qkv,
    CachePlaces const& places,
    KeyValueCache<T> const& cache,
    View<T, 2> out,
    Stream stream
);

}  // namespace isogloss
