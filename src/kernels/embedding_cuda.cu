// kernels/embedding_cuda.cu
#include <bit>
#include <cub/device/device_radix_sort.cuh>

#include "kernels/backend.h"
#include "kernels/cuda_parts.h"

namespace isogloss::cuda {
namespace {

template <class T>
struct Embed {
    std::int32_t const* token;
    T const* table;
    T* y;
    std::int64_t vocabulary;
    std::int64_t width;

    template <int n>
    __device__ void at(std::int64_t row, std::int64_t d) const {
        std::int64_t const id = token[row];
        if (id < 0 || id >= vocabulary) {
            __trap();
        }
        *reinterpret_cast<Pack<T, n>*>(y + row * width + d) =
            *reinterpret_cast<Pack<T, n> const*>(table + id * width + d);
    }
};

/// Places in the order of their ids; of one id in their own order.
struct Sorted {
    std::int32_t const* id;
    std::int32_t const* place;
};

struct Count {
    std::int32_t* place;

    template <int n>
    __device__ void at(std::int64_t i) const {
        place[i] = static_cast<std::int32_t>(i);
    }
};

Sorted sort_by_id(View<std::int32_t const, 1> token, std::int64_t vocabulary, Stream stream) {
    auto& queue = queue_of(stream);
    std::int64_t const size = token.shape[0];
    int const bits = static_cast<int>(std::bit_width(static_cast<std::uint64_t>(vocabulary)));
    auto const sort = [&](void* room, std::size_t& bytes, std::int32_t* lists) {
        ISOGLOSS_CUDA(cub::DeviceRadixSort::SortPairs(
            room, bytes, token.data, lists, lists + size, lists + 2 * size, static_cast<int>(size),
            0, bits, queue.get()
        ));
    };
    std::size_t room_bytes = 0;
    sort(nullptr, room_bytes, nullptr);
    auto const lists_bytes =
        round_up(3 * size * static_cast<std::int64_t>(sizeof(std::int32_t)), 256);
    auto* const scratch = queue.scratch(lists_bytes + static_cast<std::int64_t>(room_bytes));
    auto* const lists = reinterpret_cast<std::int32_t*>(scratch);
    over_elements<1>(size, true, Count{lists + size}, stream);
    sort(scratch + lists_bytes, room_bytes, lists);
    return {lists, lists + 2 * size};
}

/// Where a run of one id begins, a block sums the whole run into that row of the table.
template <class T>
struct AddRuns {
    Sorted sorted;
    T const* dy;
    float* dtable;
    std::int64_t size;
    std::int64_t vocabulary;
    std::int64_t width;

    template <int n>
    __device__ void at(std::int64_t i, std::int64_t d) const {
        std::int64_t const id = sorted.id[i];
        if (i > 0 && sorted.id[i - 1] == id) {
            return;
        }
        if (id < 0 || id >= vocabulary) {
            __trap();
        }
        float sum[n];
        load(dtable + id * width + d, sum);
        for (; i < size && sorted.id[i] == id; ++i) {
            float slope[n];
            load(dy + sorted.place[i] * width + d, slope);
#pragma unroll
            for (int j = 0; j < n; ++j) {
                sum[j] += slope[j];
            }
        }
        store(sum, dtable + id * width + d);
    }
};

}  // namespace

template <class T>
void embed(View<std::int32_t const, 1> token, View<T const, 2> table, View<T, 2> y, Stream stream) {
    auto const [vocabulary, width] = table.shape;
    Embed<T> const embed{token.data, table.data, y.data, vocabulary, width};
    over_rows<kVectorBytes / sizeof(T)>(
        y.shape[0], width, all_aligned(kVectorBytes, table.data, y.data), embed, stream
    );
}

template <class T>
void embed_backward(
    View<std::int32_t const, 1> token, View<T const, 2> dy, View<float, 2> dtable, Stream stream
) {
    auto const [vocabulary, width] = dtable.shape;
    if (token.shape[0] == 0) {
        return;
    }
    AddRuns<T> const add{sort_by_id(token, vocabulary, stream),
                         dy.data,
                         dtable.data,
                         token.shape[0],
                         vocabulary,
                         width};
    constexpr int kPack = 4;
    bool const aligned =
        all_aligned(kVectorBytes, dtable.data) && all_aligned(kPack * sizeof(T), dy.data);
    over_rows<kPack>(token.shape[0], width, aligned, add, stream);
}

template decltype(embed<float>) embed<float>;
template decltype(embed<bf16>) embed<bf16>;
template decltype(embed_backward<float>) embed_backward<float>;
template decltype(embed_backward<bf16>) embed_backward<bf16>;

}  // namespace isogloss::cuda
