// device/buffer.cpp
#include "device/buffer.h"

#include <sys/mman.h>

#include <cstdlib>
#include <cstring>

#include "base/math.h"
#include "base/require.h"
#include "device/cuda_memory.h"

namespace isogloss {
namespace {

constexpr std::int64_t kHugePage = std::int64_t{2} << 20;

std::byte* allocate_on_host(std::int64_t bytes) {
    // Large blocks lie on huge pages where the kernel has them on request: a step walks over
    // gigabytes, and with pages of 4 KiB it would miss the TLB all the way.
    bool const is_large = bytes >= 2 * kHugePage;
    auto const alignment = static_cast<std::size_t>(is_large ? kHugePage : kAlignment);
    auto const rounded =
        static_cast<std::size_t>(round_up(bytes, static_cast<std::int64_t>(alignment)));
    auto* memory = static_cast<std::byte*>(std::aligned_alloc(alignment, rounded));
    require_environment(
        memory != nullptr,
        "{} bytes of host memory are not to be had; use fewer rows or more ranks", bytes
    );
    if (is_large) {
        ::madvise(memory, rounded, MADV_HUGEPAGE);  // advice: no harm where it is refused
    }
    std::memset(memory, 0, rounded);
    return memory;
}

}  // namespace

void MemoryTraits::release(type memory) noexcept {
    switch (memory.device) {
        case Device::cpu: return std::free(memory.data);
        case Device::cuda: return cuda::free(memory.data);
    }
}

Memory::Memory(Device device, std::int64_t bytes) : bytes_(bytes), device_(device) {
    require(bytes >= 0, "memory of {} bytes was asked for", bytes);
    if (bytes == 0) {
        return;
    }
    auto* memory = device == Device::cpu ? allocate_on_host(bytes) : cuda::allocate(bytes);
    handle_ = UniqueHandle<MemoryTraits>({memory, device});
}

}  // namespace isogloss
