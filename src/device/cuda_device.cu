// device/cuda_device.cu
#include "device/cuda_device.h"

#include <algorithm>

#include "device/cuda_check.h"
#include "device/cuda_queue.h"

namespace isogloss::cuda {

std::int32_t num_devices() {
    int count = 0;
    cudaError_t const code = cudaGetDeviceCount(&count);
    if (code == cudaErrorNoDevice || code == cudaErrorInsufficientDriver) {
        cudaGetLastError();  // forgets it: having no GPU is an answer here
        return 0;
    }
    ISOGLOSS_CUDA(code);
    return count;
}

void choose_device(std::int32_t index) {
    ISOGLOSS_CUDA(cudaSetDevice(index));
    ISOGLOSS_CUDA(cudaFree(nullptr));  // starts it now, where a failure can still be understood
}

DeviceProperties device_properties() {
    int index = 0;
    ISOGLOSS_CUDA(cudaGetDevice(&index));
    cudaDeviceProp found{};
    ISOGLOSS_CUDA(cudaGetDeviceProperties(&found, index));
    DeviceProperties properties;
    properties.name = found.name;
    properties.compute_capability = 10 * found.major + found.minor;
    properties.multiprocessors = found.multiProcessorCount;
    properties.memory_bytes = static_cast<std::int64_t>(found.totalGlobalMem);
    properties.l2_bytes = found.l2CacheSize;
    std::transform(
        std::begin(found.uuid.bytes), std::end(found.uuid.bytes), properties.id.begin(),
        [](char byte) { return static_cast<std::uint8_t>(byte); }
    );
    return properties;
}

std::int64_t free_device_memory() {
    std::size_t free_bytes = 0;
    std::size_t all_bytes = 0;
    ISOGLOSS_CUDA(cudaMemGetInfo(&free_bytes, &all_bytes));
    return static_cast<std::int64_t>(free_bytes);
}

void wait(Stream stream) {
    queue_of(stream).wait();
}

}  // namespace isogloss::cuda
