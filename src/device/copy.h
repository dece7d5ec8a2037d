// device/copy.h - elements from the host to where the work is done, and back.
#pragma once

#include <algorithm>
#include <span>
#include <type_traits>
#include <utility>

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

/// x, which the host has made, for the arena's device to read: x itself on the CPU, else a copy.
template <class T>
View<std::remove_const_t<T> const, 1> on_device(View<T, 1> x, Arena& arena, Stream stream) {
    if (arena.device() == x.device) {
        return x;
    }
    return copy_to(arena, std::span<std::remove_const_t<T> const>(x.span()), stream);
}

/// x for the host to read: x itself on the CPU, of another device a copy that `room` holds.
template <class T, std::size_t rank>
View<T const, rank> on_host(View<T, rank> x, Buffer<std::remove_const_t<T>>& room, Stream stream) {
    if (x.device == Device::cpu) {
        return x;
    }
    room = Buffer<std::remove_const_t<T>>(Device::cpu, x.size());
    cuda::copy_to_host(room.data(), x.data, room.view().span().size_bytes(), stream);
    return room.view(x.shape);
}

/// Lets write(host view) set every element of x: in place on the CPU, else in host memory that is
/// then copied.
template <class T, std::size_t rank, class Write>
void fill_from_host(View<T, rank> x, Stream stream, Write&& write) {
    if (x.device == Device::cpu) {
        return std::forward<Write>(write)(x);
    }
    Buffer<T> const room(Device::cpu, x.size());
    std::forward<Write>(write)(room.view(x.shape));
    cuda::copy_from_host(x.data, room.data(), room.view().span().size_bytes(), stream);
}

}  // namespace isogloss
