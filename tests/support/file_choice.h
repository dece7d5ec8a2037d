// support/file_choice.h - `--file loader_test.cpp`: of a program's tests those of one file.
#pragma once

#include <gtest/gtest.h>

#include <cstdio>
#include <set>
#include <string>
#include <string_view>

namespace isogloss::test {

inline bool comes_from(testing::TestInfo const& test, std::string_view file) {
    std::string_view path = test.file();
    if (!path.ends_with(file)) {
        return false;
    }
    path.remove_suffix(file.size());
    return path.empty() || path.ends_with('/');
}

/// Leaves out all tests but those of `file`; --gtest_filter and its like narrow further. False
/// where that cannot be done: no test comes from the file, or one has the name of another file's.
inline bool leave_only(std::string const& file) {
    auto const& all = *testing::UnitTest::GetInstance();
    std::set<std::string> kept;
    std::set<std::string> others;
    for (int i = 0; i < all.total_test_suite_count(); ++i) {
        auto const& suite = *all.GetTestSuite(i);
        std::set<std::string> others_of_suite;
        bool whole = true;
        for (int j = 0; j < suite.total_test_count(); ++j) {
            auto const& test = *suite.GetTestInfo(j);
            auto const name = std::string(suite.name()) + "." + test.name();
            if (comes_from(test, file)) {
                kept.insert(name);
                whole = false;
            } else {
                others_of_suite.insert(name);
            }
        }
        if (whole) {
            others_of_suite = {std::string(suite.name()) + ".*"};
        }
        others.merge(others_of_suite);
    }
    if (kept.empty()) {
        std::fprintf(stderr, "no test of this program comes from a file %s\n", file.c_str());
        return false;
    }
    std::string filter = GTEST_FLAG_GET(filter);
    for (auto const& name : others) {
        if (kept.contains(name)) {
            std::fprintf(
                stderr, "%s is a test of %s and of another file\n", name.c_str(), file.c_str()
            );
            return false;
        }
        filter += (filter.find('-') == std::string::npos ? "-" : ":") + name;
    }
    GTEST_FLAG_SET(filter, filter);
    return true;
}

/// What every main() of tests does with its words: GoogleTest's, and `--file NAME_test.cpp`.
inline bool take_words(int argc, char** argv) {
    testing::InitGoogleTest(&argc, argv);
    if (argc == 1) {
        return true;
    }
    if (argc != 3 || std::string_view(argv[1]) != "--file") {
        std::fprintf(stderr, "usage: PROGRAM [--file NAME_test.cpp] [--gtest_...]\n");
        return false;
    }
    return leave_only(argv[2]);
}

}  // namespace isogloss::test
