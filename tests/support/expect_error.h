// support/expect_error.h - an Error of a given kind whose text says a given thing.
#pragma once

#include <gtest/gtest.h>

#include <string>

#include "base/error.h"

namespace isogloss::test {

/// Runs `action`, which must throw an Error with `code` and `part` in its text.
template <class Action>
void expect_error(Exit code, std::string const& part, Action&& action) {
    try {
        action();
        ADD_FAILURE() << "nothing was thrown; expected an Error that says: " << part;
    } catch (Error const& error) {
        EXPECT_EQ(static_cast<int>(error.code()), static_cast<int>(code)) << error.what();
        EXPECT_NE(std::string(error.what()).find(part), std::string::npos) << error.what();
    }
}

}  // namespace isogloss::test
