// tests/support/device_main.cpp - main of tests that run once a device: skipped where it is not.
#include <gtest/gtest.h>

#include <cstdio>

#include "device/cuda_device.h"
#include "support/test_device.h"

int main(int argc, char** argv) {
    testing::InitGoogleTest(&argc, argv);
    constexpr int kSkipped = 77;
    if (isogloss::test::tests_cuda() && isogloss::cuda::num_devices() == 0) {
        std::printf("skipped: there is no GPU here, or its driver is older than this CUDA\n");
        return kSkipped;
    }
    return RUN_ALL_TESTS();
}
