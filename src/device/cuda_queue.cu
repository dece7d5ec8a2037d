// device/cuda_queue.cu
#include "device/cuda_queue.h"

#include "base/math.h"
#include "device/cuda_check.h"
#include "device/queue_mark.h"

namespace isogloss {

void QueueMarkTraits::release(type mark) noexcept {
    cudaEventDestroy(static_cast<cudaEvent_t>(mark));
}

void SideQueueTraits::release(type queue) noexcept {
    delete static_cast<cuda::Queue*>(queue);
}

namespace cuda {
namespace {

constexpr std::int64_t kSmallestScratch = std::int64_t{32} << 20;

// Smaller numbers begin first.
int priority_of(Urgency urgency) {
    int least = 0;
    int greatest = 0;
    ISOGLOSS_CUDA(cudaDeviceGetStreamPriorityRange(&least, &greatest));
    switch (urgency) {
        case Urgency::idle_time: return least;
        case Urgency::usual: return (least + greatest) / 2;
        case Urgency::urgent: return greatest;
    }
    return least;
}

cudaEvent_t new_event() {
    cudaEvent_t event = nullptr;
    ISOGLOSS_CUDA(cudaEventCreateWithFlags(&event, cudaEventDisableTiming));
    return event;
}

}  // namespace

void StreamTraits::release(type stream) noexcept {
    cudaStreamDestroy(stream);
}

void EventTraits::release(type event) noexcept {
    cudaEventDestroy(event);
}

Queue::Queue(Urgency urgency) {
    cudaStream_t stream = nullptr;
    ISOGLOSS_CUDA(cudaStreamCreateWithPriority(&stream, cudaStreamDefault, priority_of(urgency)));
    stream_ = UniqueHandle<StreamTraits>(stream);
    event_ = UniqueHandle<EventTraits>(new_event());
}

std::byte* Queue::scratch(std::int64_t bytes) {
    if (bytes > scratch_.bytes()) {
        // Twice what is asked for, so that it does not grow again with each batch. Freeing waits
        // for the work that uses the old one.
        std::int64_t const size = round_up(2 * bytes, kSmallestScratch);
        scratch_ = Memory();
        scratch_ = Memory(Device::cuda, size);
        ++num_allocations_;
    }
    return scratch_.data();
}

void Queue::wait_for(Queue const& other) {
    ISOGLOSS_CUDA(cudaEventRecord(other.event_.get(), other.get()));
    ISOGLOSS_CUDA(cudaStreamWaitEvent(get(), other.event_.get(), 0));
}

void Queue::wait() const {
    ISOGLOSS_CUDA(cudaStreamSynchronize(get()));
}

Queue& queue_of(Stream stream) {
    if (stream.handle != nullptr) {
        return *static_cast<Queue*>(stream.handle);
    }
    thread_local Queue own;
    return own;
}

void* make_queue(Urgency urgency) {
    return new Queue(urgency);
}

void put_in_order(Stream earlier, Stream later) {
    queue_of(later).wait_for(queue_of(earlier));
}

void take_multiprocessors(Stream stream, std::int32_t count) {
    queue_of(stream).take_multiprocessors(count);
}

void* make_mark(Stream stream) {
    auto* const event = new_event();
    ISOGLOSS_CUDA(cudaEventRecord(event, queue_of(stream).get()));
    return event;
}

void put_after(void* mark, Stream later) {
    ISOGLOSS_CUDA(cudaStreamWaitEvent(queue_of(later).get(), static_cast<cudaEvent_t>(mark), 0));
}

}  // namespace cuda
}  // namespace isogloss
