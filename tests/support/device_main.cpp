// tests/support/device_main.cpp - main of tests that run once a device: skipped where it is not.
#include <cstdio>

#include "device/cuda_device.h"
#include "support/file_choice.h"
#include "support/test_device.h"

int main(int argc, char** argv) {
    if (!isogloss::test::take_words(argc, argv)) {
        return 2;
    }
    constexpr int kSkipped = 77;
    if (isogloss::test::tests_cuda() && isogloss::cuda::num_devices() == 0) {
        std::printf("skipped: there is no GPU here, or its driver is older than this CUDA\n");
        return kSkipped;
    }
    return RUN_ALL_TESTS();
}
