// device/no_cuda.cpp - stands in for the .cu files of this floor.
#include "device/no_cuda.h"

#include "base/require.h"
#include "device/cuda_memory.h"

namespace isogloss {

void fail_without_cuda(char const* what) {
    fail(
        Exit::environment,
        "{}: this program was built without CUDA; build it with -DISOGLOSS_CUDA=ON or use "
        "--device cpu",
        what
    );
}

namespace cuda {

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

}  // namespace cuda
}  // namespace isogloss
