// base/error_test.cpp - which exit code an exception comes to.
#include "base/error.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <new>
#include <stdexcept>

namespace isogloss {
namespace {

template <class Exception>
Failure failure_of(Exception const& exception) {
    try {
        throw exception;
    } catch (...) {
        return current_failure();
    }
}

TEST(ErrorTest, OurErrorKeepsItsCodeTextAndPlace) {
    auto const failure = failure_of(Error(Exit::data, "shard 7 is cut"));
    EXPECT_EQ(failure.code, Exit::data);
    EXPECT_EQ(failure.text, "shard 7 is cut");
    EXPECT_TRUE(failure.where.starts_with("tests/base/error_test.cpp:")) << failure.where;
}

TEST(ErrorTest, MemoryAndFilesystemAreTheMachines) {
    auto const memory = failure_of(std::bad_alloc());
    EXPECT_EQ(memory.code, Exit::environment);
    EXPECT_EQ(memory.where, "");
    auto const full = std::make_error_code(std::errc::no_space_on_device);
    auto const disk = failure_of(std::filesystem::filesystem_error("cannot write", "out/a", full));
    EXPECT_EQ(disk.code, Exit::environment);
    EXPECT_NE(disk.text.find("out/a"), std::string::npos) << disk.text;
}

TEST(ErrorTest, WhatIsNotOursIsInternal) {
    EXPECT_EQ(failure_of(std::runtime_error("from a library")).code, Exit::internal);
    EXPECT_EQ(failure_of(std::runtime_error("from a library")).text, "from a library");
    EXPECT_EQ(failure_of(7).code, Exit::internal);
}

}  // namespace
}  // namespace isogloss
