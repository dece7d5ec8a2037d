// storage/mapped_file_test.cpp
#include "storage/mapped_file.h"

#include <algorithm>

#include "support/expect_error.h"
#include "support/page_cache.h"
#include "support/temporary_folder.h"

namespace isogloss {
namespace {

using test::expect_error;
using test::TemporaryFolder;

TEST(MappedFileTest, ElementsAreTheFilesBytes) {
    TemporaryFolder const folder;
    test::write_content(folder / "f", std::string("\x01\x00\x02\x00\x03\x01", 6));
    MappedFile const file(folder / "f", Access::random);
    auto const elements = file.elements<std::uint16_t>(2, 2);
    EXPECT_EQ(elements[0], 2);
    EXPECT_EQ(elements[1], 0x103);
    EXPECT_EQ(file.elements<std::uint16_t>(6, 0).size(), 0U);
}

TEST(MappedFileTest, RefusesElementsOutsideOrAskew) {
    TemporaryFolder const folder;
    test::write_content(folder / "f", "123456");
    MappedFile const file(folder / "f", Access::sequential);
    expect_error(Exit::data, "leave the file", [&] {
        static_cast<void>(file.elements<std::uint16_t>(2, 3));
    });
    expect_error(Exit::data, "leave the file", [&] {
        static_cast<void>(file.elements<std::uint16_t>(-2, 1));
    });
    expect_error(Exit::data, "leave the file", [&] {
        static_cast<void>(file.elements<std::uint16_t>(2, -1));
    });
    expect_error(Exit::data, "leave the file", [&] {
        static_cast<void>(file.elements<std::uint16_t>(2, std::int64_t{1} << 62));
    });
    expect_error(Exit::data, "not aligned", [&] {
        static_cast<void>(file.elements<std::uint16_t>(1, 1));
    });
}

// Of 64 pages those that bytes 10.5 to 13.5 pages lie in, and bytes beyond the file's end.
TEST(MappedFileTest, WhatWillBeNeededIsReadAndNothingElse) {
    TemporaryFolder const folder;
    auto const path = folder / "f";
    auto const page = static_cast<std::int64_t>(::sysconf(_SC_PAGESIZE));
    test::write_content(path, std::string(static_cast<std::size_t>(64 * page - 7), 'x'));
    MappedFile const file(path, Access::random);
    test::forget_pages(path);
    if (std::ranges::count(test::pages_in_memory(path), true) > 0) {
        GTEST_SKIP() << "the file system of " << path << " keeps its pages";
    }
    file.will_need(10 * page + page / 2, 3 * page);
    file.will_need(63 * page, 100 * page);
    file.will_need(70 * page, page);
    file.will_need(-3 * page, page);
    auto const pages = test::pages_when(path, 5);
    for (std::size_t i = 0; i < pages.size(); ++i) {
        EXPECT_EQ(pages[i], (10 <= i && i <= 13) || i == 63) << i;
    }
    file.will_need(-page, 2 * page);
    EXPECT_TRUE(test::pages_when(path, 6)[0]);
    MappedFile().will_need(0, page);
}

TEST(MappedFileTest, EmptyFileHasNoBytesAndAMissingOneIsNamed) {
    TemporaryFolder const folder;
    test::write_content(folder / "empty", "");
    EXPECT_TRUE(MappedFile(folder / "empty", Access::random).bytes().empty());
    expect_error(Exit::data, "missing", [&] { MappedFile(folder / "missing", Access::random); });
    expect_error(Exit::data, "regular", [&] { MappedFile(folder.path(), Access::random); });
}

}  // namespace
}  // namespace isogloss
