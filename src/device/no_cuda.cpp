// device/no_cuda.cpp - stands in for the .cu files of this floor.
#include "device/no_cuda.h"

#include "base/require.h"
#include "device/cuda_device.h"
#include "device/cuda_event.h"
#include "device/cuda_memory.h"
#include "device/profile_range.h"
#include "device/queue_mark.h"
#include "device/side_queue.h"

namespace isogloss {

void fail_without_cuda(char const* what) {
    fail(
        Exit::environment,
        "{}: this program was built without CUDA; build it with -DISOGLOSS_CUDA=ON or use "
        "--device cpu",
        what
    );
}

void SideQueueTraits::release(type /*queue*/) noexcept {}
void QueueMarkTraits::release(type /*mark*/) noexcept {}

namespace cuda {

void* make_queue(Urgency /*urgency*/) {
    fail_without_cuda("second queue of a GPU");
}
void put_in_order(Stream /*earlier*/, Stream /*later*/) {
    fail_without_cuda("order of a GPU's queues");
}
void take_multiprocessors(Stream /*stream*/, std::int32_t /*count*/) {
    fail_without_cuda("share of a GPU's multiprocessors");
}
void* make_mark(Stream /*stream*/) {
    fail_without_cuda("mark in a GPU's queue");
}
void put_after(void* /*mark*/, Stream /*later*/) {
    fail_without_cuda("order after a mark in a GPU's queue");
}

void begin_profile_range(char const* /*phase*/, std::int64_t /*layer*/) noexcept {}

std::byte* allocate(std::int64_t /*bytes*/) {
    fail_without_cuda("device memory");
}
void free(std::byte* /*memory*/) noexcept {}
void copy_from_host(
    void* /*to*/, void const* /*from*/, std::size_t /*bytes*/, Stream /*stream*/
) {
    fail_without_cuda("copy from the host");
}
void copy_to_host(
    void* /*to*/, void const* /*from*/, std::size_t /*bytes*/, Stream /*stream*/
) {
    fail_without_cuda("copy to the host");
}
void copy(void* /*to*/, void const* /*from*/, std::size_t /*bytes*/, Stream /*stream*/) {
    fail_without_cuda("copy on the device");
}

std::int32_t num_devices() {
    return 0;
}
void choose_device(std::int32_t /*index*/) {
    fail_without_cuda("choice of a GPU");
}
DeviceProperties device_properties() {
    fail_without_cuda("properties of a GPU");
}
std::int64_t free_device_memory() {
    fail_without_cuda("free memory of a GPU");
}
void wait(Stream /*stream*/) {
    fail_without_cuda("wait for a GPU");
}

void TimedEventTraits::release(type /*event*/) noexcept {}
Event::Event(Stream /*stream*/) {
    fail_without_cuda("mark in a queue");
}
double Event::seconds_since(Event const& /*begin*/) const {
    fail_without_cuda("time of a GPU");
}

}  // namespace cuda
}  // namespace isogloss
