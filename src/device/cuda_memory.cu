// device/cuda_memory.cu
#include "device/cuda_memory.h"

#include <string>

#include "base/error.h"
#include "device/cuda_check.h"
#include "device/cuda_queue.h"

namespace isogloss::cuda {

std::byte* allocate(std::int64_t bytes) {
    void* memory = nullptr;
    auto const size = static_cast<std::size_t>(bytes);
    cudaError_t const code = cudaMalloc(&memory, size);
    if (code == cudaErrorMemoryAllocation) {
        cudaGetLastError();  // forgets it: the GPU is as good as before
        std::size_t free_bytes = 0;
        std::size_t all_bytes = 0;
        ISOGLOSS_CUDA(cudaMemGetInfo(&free_bytes, &all_bytes));
        throw Error(
            Exit::environment, std::to_string(bytes) + " bytes of GPU memory are not to be had, " +
                                   std::to_string(free_bytes) + " of " + std::to_string(all_bytes) +
                                   " are free; use fewer rows a micro-batch or more ranks"
        );
    }
    ISOGLOSS_CUDA(code);
    ISOGLOSS_CUDA(cudaMemset(memory, 0, size));
    // The zeros must be there before any queue writes, and queues do not wait for each other.
    ISOGLOSS_CUDA(cudaStreamSynchronize(cudaStreamLegacy));
    return static_cast<std::byte*>(memory);
}

void free(std::byte* memory) noexcept {
    cudaFree(memory);
}

void copy_from_host(void* to, void const* from, std::size_t bytes, Stream stream) {
    // Host memory of ours is pageable: CUDA has copied it to a place of its own when this returns.
    ISOGLOSS_CUDA(cudaMemcpyAsync(to, from, bytes, cudaMemcpyHostToDevice, queue_of(stream).get()));
}

void copy_to_host(void* to, void const* from, std::size_t bytes, Stream stream) {
    auto const& queue = queue_of(stream);
    ISOGLOSS_CUDA(cudaMemcpyAsync(to, from, bytes, cudaMemcpyDeviceToHost, queue.get()));
    queue.wait();
}

void copy(void* to, void const* from, std::size_t bytes, Stream stream) {
    ISOGLOSS_CUDA(cudaMemcpyAsync(to, from, bytes, cudaMemcpyDeviceToDevice, queue_of(stream).get())
    );
}

}  // namespace isogloss::cuda
