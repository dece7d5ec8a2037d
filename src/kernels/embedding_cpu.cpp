// kernels/embedding_cpu.cpp
#include <algorithm>
#include <vector>

#include "base/require.h"
#include "kernels/backend.h"
#include "kernels/parallel.h"

namespace isogloss::cpu {
namespace {

void require_ids_inside(View<std::int32_t const, 1> token, std::int64_t vocabulary) {
    for (std::int64_t n = 0; n < token.shape[0]; ++n) {
        require(
            token.data[n] >= 0 && token.data[n] < vocabulary,
            "embedding: token[{}] is {}; the table has ids 0 to {}", n, token.data[n],
            vocabulary - 1
        );
    }
}

/// The places of `token`, those of one id side by side and rising.
std::vector<std::int64_t> places_by_id(View<std::int32_t const, 1> token) {
    std::vector<std::int64_t> place(static_cast<std::size_t>(token.shape[0]));
    for (std::size_t n = 0; n < place.size(); ++n) {
        place[n] = (std::int64_t{token.data[n]} << 32) | static_cast<std::int64_t>(n);
    }
    std::sort(place.begin(), place.end());
    for (auto& n : place) {
        n &= 0xFFFFFFFF;
    }
    return place;
}

}  // namespace

template <class T>
void embed(
    View<std::int32_t const, 1> token, View<T const, 2> table, View<T, 2> y, Stream /*stream*/
) {
    require_ids_inside(token, table.shape[0]);
    std::int64_t const width = table.shape[1];
    parallel_rows(token.shape[0], width, [&](std::int64_t begin, std::int64_t end) {
        for (std::int64_t n = begin; n < end; ++n) {
            std::copy_n(table.data + token.data[n] * width, width, y.data + n * width);
        }
    });
}

template <class T>
void embed_backward(
    View<std::int32_t const, 1> token, View<T const, 2> dy, View<float, 2> dtable, Stream /*stream*/
) {
    require_ids_inside(token, dtable.shape[0]);
    std::int64_t const width = dtable.shape[1];
    auto const place = places_by_id(token);
    auto const id_at = [&](std::int64_t i) {
        return token.data[place[static_cast<std::size_t>(i)]];
    };
    parallel_rows(token.shape[0], width, [&](std::int64_t begin, std::int64_t end) {
        // A run of one id belongs to the part in which it begins.
        while (begin > 0 && begin < end && id_at(begin) == id_at(begin - 1)) {
            ++begin;
        }
        for (std::int64_t i = begin;
             i < token.shape[0] && (i < end || (begin < end && id_at(i) == id_at(end - 1))); ++i) {
            float* const sum = dtable.data + id_at(i) * width;
            T const* const row = dy.data + place[static_cast<std::size_t>(i)] * width;
#pragma omp simd
            for (std::int64_t d = 0; d < width; ++d) {
                sum[d] += to_float(row[d]);
            }
        }
    });
}

template decltype(embed<float>) embed<float>;
template decltype(embed<bf16>) embed<bf16>;
template decltype(embed_backward<float>) embed_backward<float>;
template decltype(embed_backward<bf16>) embed_backward<bf16>;

}  // namespace isogloss::cpu
