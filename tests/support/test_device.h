// tests/support/test_device.h - the device that this run of a test is about.
#pragma once

#include <gtest/gtest.h>

#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "device/view.h"

namespace isogloss::test {

/// What isogloss_test's DEVICES says: cpu, cuda, or cuda_shifted.
inline std::string_view test_device_name() {
    char const* const name = std::getenv("ISOGLOSS_TEST_DEVICE");
    return name == nullptr ? "cpu" : name;
}

inline Device test_device() {
    return test_device_name().starts_with("cuda") ? Device::cuda : Device::cpu;
}

/// Elements that a tensor begins after a boundary: tensors of a model lie in one run of memory, at
/// any element.
inline std::int64_t test_shift() {
    return test_device_name() == "cuda_shifted" ? 1 : 0;
}

inline bool tests_cuda() {
    return test_device() == Device::cuda;
}

/// Left out on a GPU: indices lie in its memory and are not looked at before the kernel runs.
#define ISOGLOSS_CPU_ONLY()                                     \
    if (::isogloss::test::tests_cuda()) {                       \
        GTEST_SKIP() << "only the CPU looks at indices before"; \
    }

}  // namespace isogloss::test
