// tests/device/no_cuda_test.cpp
#include "device/no_cuda.h"

#include <gtest/gtest.h>

#include "device/arena.h"
#include "support/expect_error.h"

namespace isogloss {
namespace {

TEST(NoCudaTest, WhatNeedsCudaSaysHowToBuildWithIt) {
    test::expect_error(Exit::environment, "attention", [] { fail_without_cuda("attention"); });
    test::expect_error(Exit::environment, "-DISOGLOSS_CUDA=ON", [] { Arena(Device::cuda, 64); });
}

}  // namespace
}  // namespace isogloss
