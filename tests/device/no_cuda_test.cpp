// tests/device/no_cuda_test.cpp
#include "device/no_cuda.h"

#include <gtest/gtest.h>

#include "device/arena.h"
#include "device/copy.h"
#include "support/expect_error.h"

namespace isogloss {
namespace {

TEST(NoCudaTest, WhatNeedsCudaSaysHowToBuildWithIt) {
    test::expect_error(Exit::environment, "attention", [] { fail_without_cuda("attention"); });
    test::expect_error(Exit::environment, "-DISOGLOSS_CUDA=ON", [] { Arena(Device::cuda, 64); });
    std::byte one{};
    View<std::byte, 1> const x{&one, {1}, Device::cuda};
    Buffer<std::byte> room;
    test::expect_error(Exit::environment, "copy to the host", [&] { on_host(x, room, {}); });
    test::expect_error(Exit::environment, "copy from the host", [&] {
        fill_from_host(x, {}, [](View<std::byte, 1> /*host*/) {});
    });
}

}  // namespace
}  // namespace isogloss
