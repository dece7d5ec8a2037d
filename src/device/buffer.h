// device/buffer.h - owned memory on one device.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include "base/unique_handle.h"
#include "device/view.h"

namespace isogloss {

struct MemoryTraits {
    struct type {
        std::byte* data = nullptr;
        Device device = Device::cpu;
        bool operator==(type const&) const = default;
    };
    static type null() noexcept { return {}; }
    static void release(type memory) noexcept;
};

/// Of every block of memory, in bytes: a cache line, and what AVX-512 and AMX like.
inline constexpr std::int64_t kAlignment = 64;

/// Bytes on a device, aligned to 64 and zeroed; freed with the owner.
class Memory {
public:
    Memory() = default;
    /// @throws Error  (environment) with the size, when the device has not that much
    Memory(Device device, std::int64_t bytes);

    [[nodiscard]] std::byte* data() const { return handle_.get().data; }
    [[nodiscard]] std::int64_t bytes() const { return bytes_; }
    [[nodiscard]] Device device() const { return device_; }

private:
    UniqueHandle<MemoryTraits> handle_;
    std::int64_t bytes_ = 0;
    Device device_ = Device::cpu;
};

/// Owned elements of one type, seen through views.
template <class T>
class Buffer {
public:
    Buffer() = default;
    Buffer(Device device, std::int64_t size)
        : memory_(device, size * static_cast<std::int64_t>(sizeof(T))), size_(size) {}

    [[nodiscard]] T* data() const { return reinterpret_cast<T*>(memory_.data()); }
    [[nodiscard]] std::int64_t size() const { return size_; }
    [[nodiscard]] Device device() const { return memory_.device(); }

    [[nodiscard]] View<T, 1> view() const { return {data(), {size_}, device()}; }
    /// The first elements, with a shape.
    template <std::size_t rank>
    [[nodiscard]] View<T, rank> view(std::array<std::int64_t, rank> const& shape) const {
        return {data(), shape, device()};
    }

private:
    Memory memory_;
    std::int64_t size_ = 0;
};

}  // namespace isogloss
