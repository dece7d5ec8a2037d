// tests/support/test_device.h - the device that this run of a test is about.
#pragma once

#include <cstdlib>
#include <string_view>

#include "device/view.h"

namespace isogloss::test {

/// cuda where the test's environment says so (isogloss_test's GPU), else cpu.
inline Device test_device() {
    char const* const name = std::getenv("ISOGLOSS_TEST_DEVICE");
    return name != nullptr && std::string_view(name) == "cuda" ? Device::cuda : Device::cpu;
}

inline bool tests_cuda() {
    return test_device() == Device::cuda;
}

}  // namespace isogloss::test
