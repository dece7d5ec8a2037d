// kernels/embedding.h - token ids to vectors.
#pragma once

#include "device/view.h"

namespace isogloss {

/// y[n] = table[token[n]].     token [N] in [0, V), table [V, D], y [N, D]
/// @throws Error  when an id is outside the table (CPU) or shapes disagree
template <class T>
void embed(View<std::int32_t const, 1> token, View<T const, 2> table, View<T, 2> y, Stream stream);

/// dtable[token[n]] += dy[n], n ascending for each row of the table: same bits from run to run.
template <class T>
void embed_backward(
    View<std::int32_t const, 1> token, View<T const, 2> dy, View<float, 2> dtable, Stream stream
);

}  // namespace isogloss
