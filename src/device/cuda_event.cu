// device/cuda_event.cu
#include "device/cuda_event.h"

#include "device/cuda_check.h"
#include "device/cuda_queue.h"

namespace isogloss::cuda {
namespace {

cudaEvent_t event_of(UniqueHandle<TimedEventTraits> const& handle) {
    return static_cast<cudaEvent_t>(handle.get());
}

}  // namespace

void TimedEventTraits::release(type event) noexcept {
    cudaEventDestroy(static_cast<cudaEvent_t>(event));
}

Event::Event(Stream stream) {
    cudaEvent_t event = nullptr;
    ISOGLOSS_CUDA(cudaEventCreate(&event));
    handle_ = UniqueHandle<TimedEventTraits>(event);
    ISOGLOSS_CUDA(cudaEventRecord(event, queue_of(stream).get()));
}

double Event::seconds_since(Event const& begin) const {
    ISOGLOSS_CUDA(cudaEventSynchronize(event_of(handle_)));
    float milliseconds = 0.0F;
    ISOGLOSS_CUDA(cudaEventElapsedTime(&milliseconds, event_of(begin.handle_), event_of(handle_)));
    return 1e-3 * static_cast<double>(milliseconds);
}

}  // namespace isogloss::cuda
