// model/embedding.cpp
#include "model/embedding.h"

#include <cmath>

#include "kernels/elementwise.h"
#include "kernels/embedding.h"

namespace isogloss {
namespace {

template <class T>
void look_up(View<std::int32_t const, 1> token, Embedding<T> const& embedding, View<T, 2> x) {
    embed<T>(token, embedding.table.value, x, Stream{});
    if (embedding.scale != 1.0F) {
        scale<T>(x.flat(), embedding.scale, Stream{});
    }
}

}  // namespace

template <class T>
Embedding<T> embedding_of(ParameterTable const& table, ModelConfig const& config) {
    Embedding<T> embedding;
    embedding.table = matrix_of<T>(table, "embedding.weight");
    if (config.family.embedding_scale) {
        auto const root = std::sqrt(static_cast<double>(config.width));
        embedding.scale = to_float(from_float<T>(static_cast<float>(root)));
    }
    if (config.family.embedding_norm) {
        embedding.norm = norm_of<T>(table, config, "embedding_norm");
    }
    return embedding;
}

template <class T>
void embed_tokens(
    View<std::int32_t const, 1> token, Embedding<T> const& embedding, View<T, 2> x, Arena& arena
) {
    if (!embedding.norm) {
        return look_up(token, embedding, x);
    }
    ArenaScope const scope(arena);
    auto const raw = arena.take<T, 2>(x.shape);
    look_up(token, embedding, raw);
    auto const moments = take_moments(embedding.norm->kind, x.shape[0], arena);
    normalise<T>(raw, *embedding.norm, x, moments);
}

template <class T>
void embed_tokens_backward(
    View<std::int32_t const, 1> token, Embedding<T> const& embedding, View<T, 2> dx, Arena& arena
) {
    if (!embedding.trains()) {
        return;
    }
    ArenaScope const scope(arena);
    auto dtable = dx;
    if (embedding.norm) {
        auto const raw = arena.take<T, 2>(dx.shape);
        auto const unused = arena.take<T, 2>(dx.shape);
        auto const moments = take_moments(embedding.norm->kind, dx.shape[0], arena);
        look_up(token, embedding, raw);
        normalise<T>(raw, *embedding.norm, unused, moments);
        dtable = arena.take<T, 2>(dx.shape);
        fill<T>(dtable.flat(), 0.0F, Stream{});
        normalise_backward<T>(dx, raw, *embedding.norm, moments, dtable);
    }
    if (embedding.scale != 1.0F) {
        scale<T>(dtable.flat(), embedding.scale, Stream{});
    }
    embed_backward<T>(token, dtable, embedding.table.gradient.sum, Stream{});
}

#define ISOGLOSS_INSTANTIATE(T)                                                         \
    template Embedding<T> embedding_of(ParameterTable const&, ModelConfig const&);      \
    template void                                                                       \
    embed_tokens(View<std::int32_t const, 1>, Embedding<T> const&, View<T, 2>, Arena&); \
    template void                                                                       \
    embed_tokens_backward(View<std::int32_t const, 1>, Embedding<T> const&, View<T, 2>, Arena&)
ISOGLOSS_INSTANTIATE(float);
ISOGLOSS_INSTANTIATE(bf16);
#undef ISOGLOSS_INSTANTIATE

}  // namespace isogloss
