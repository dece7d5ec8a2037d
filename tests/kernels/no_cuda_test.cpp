// tests/kernels/no_cuda_test.cpp
#include "kernels/matmul.h"
#include "support/expect_error.h"

namespace isogloss {
namespace {

TEST(KernelsNoCudaTest, ADeviceViewSaysHowToBuild) {
    float x = 0.0F;
    View<float, 2> const view{&x, {1, 1}, Device::cuda};
    test::expect_error(Exit::environment, "-DISOGLOSS_CUDA=ON", [&] {
        matmul_nn<float, float>(view, view, view, Write::replace, {});
    });
}

}  // namespace
}  // namespace isogloss
