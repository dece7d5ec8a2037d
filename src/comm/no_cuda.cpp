// comm/no_cuda.cpp - stands in for the .cu files of this floor.
#include "device/no_cuda.h"

#include "comm/collective_backends.h"
#include "comm/device_link.h"

namespace isogloss {

void NcclTraits::release(type /*communicator*/) noexcept {}

namespace cuda {

DeviceLink const& link_of(MpiComm const& /*group*/) {
    fail_without_cuda("communicator of GPUs");
}
void all_reduce_sum(View<float, 1> /*x*/, MpiComm const& /*group*/, Stream /*stream*/) {
    fail_without_cuda("all_reduce_sum");
}
void reduce_scatter_sum(
    View<float, 1> /*x*/, Stretch const& /*stretch*/, MpiComm const& /*group*/, Stream /*stream*/
) {
    fail_without_cuda("reduce_scatter_sum");
}
template <class T>
void all_gather(
    View<T, 1> /*x*/, Stretch const& /*stretch*/, MpiComm const& /*group*/, Stream /*stream*/
) {
    fail_without_cuda("all_gather");
}
template <class T>
void broadcast(View<T, 1> /*x*/, int /*root*/, MpiComm const& /*group*/, Stream /*stream*/) {
    fail_without_cuda("broadcast");
}
template <class T>
void all_to_all_rows(
    View<T const, 2> /*send*/,
    std::span<std::int64_t const> /*send_begin*/,
    View<T, 2> /*receive*/,
    std::span<std::int64_t const> /*receive_begin*/,
    MpiComm const& /*group*/,
    Stream /*stream*/,
    Distances /*distances*/
) {
    fail_without_cuda("all_to_all_rows");
}

#define ISOGLOSS_INSTANTIATE(T)                                                   \
    template void all_gather(View<T, 1>, Stretch const&, MpiComm const&, Stream); \
    template void broadcast(View<T, 1>, int, MpiComm const&, Stream);             \
    template void all_to_all_rows(                                                \
        View<T const, 2>, std::span<std::int64_t const>, View<T, 2>,              \
        std::span<std::int64_t const>, MpiComm const&, Stream, Distances          \
    )
ISOGLOSS_INSTANTIATE(float);
ISOGLOSS_INSTANTIATE(bf16);
ISOGLOSS_INSTANTIATE(std::int32_t);
#undef ISOGLOSS_INSTANTIATE

}  // namespace cuda
}  // namespace isogloss
