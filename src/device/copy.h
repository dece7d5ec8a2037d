// device/copy.h - elements from the host to where the work is done.
#pragma once

#include <algorithm>
#include <span>

#include "device/arena.h"
#include "device/cuda_memory.h"

namespace isogloss {

/// A copy of `from` on the arena's device, taken from the arena.
template <class T>
View<T, 1> copy_to(Arena& arena, std::span<T const> from, Stream stream) {
    auto const to = arena.take<T, 1>({static_cast<std::int64_t>(from.size())});
    switch (to.device) {
        case Device::cpu: std::copy(from.begin(), from.end(), to.data); break;
        case Device::cuda:
            cuda::copy_from_host(to.data, from.data(), from.size_bytes(), stream);
            break;
    }
    return to;
}

}  // namespace isogloss
