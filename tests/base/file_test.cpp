// tests/base/file_test.cpp
#include "base/file.h"

#include <gtest/gtest.h>

#include <limits>

#include "support/expect_error.h"
#include "support/temporary_folder.h"

namespace isogloss {
namespace {

TEST(FileTest, ContentIsWrittenWholeAndNothingElseStays) {
    test::TemporaryFolder const folder;
    std::string const content = std::string("a\0b", 3) + std::string(1U << 20U, 'c');
    write_file(folder / "f", content);
    EXPECT_EQ(test::content_of(folder / "f"), content);
    write_file(folder / "f", "");
    EXPECT_EQ(test::content_of(folder / "f"), "");
    EXPECT_FALSE(std::filesystem::exists(folder / "f.partial"));
}

TEST(FileTest, BytesAreReadFromTheMiddleAndAFileThatEndsBeforeIsNamed) {
    test::TemporaryFolder const folder;
    write_file(folder / "f", "abcdef");
    std::string out(3, '?');
    read_at(folder / "f", 2, std::as_writable_bytes(std::span(out)));
    EXPECT_EQ(out, "cde");
    test::expect_error(Exit::data, "f: ends at byte 6, where 2 more are to be read", [&] {
        read_at(folder / "f", 5, std::as_writable_bytes(std::span(out)));
    });
    test::expect_error(Exit::data, "g: cannot be read", [&] {
        read_at(folder / "g", 0, std::as_writable_bytes(std::span(out)));
    });
}

TEST(FileTest, AFolderThatIsNotThereIsNamed) {
    test::TemporaryFolder const folder;
    test::expect_error(Exit::environment, "no/f", [&] { write_file(folder / "no/f", "x"); });
}

TEST(FileTest, AFailedRenameLeavesTheOldContent) {
    test::TemporaryFolder const folder;
    std::filesystem::create_directories(folder / "f/inside");
    test::expect_error(Exit::environment, "renamed into place", [&] {
        write_file(folder / "f", "x");
    });
    EXPECT_TRUE(std::filesystem::is_directory(folder / "f/inside"));
    EXPECT_FALSE(std::filesystem::exists(folder / "f.partial"));
}

// /dev/full takes the open and refuses the write, as a full disk does.
TEST(FileTest, AFullDiskIsAFaultOfTheEnvironment) {
    test::TemporaryFolder const folder;
    std::filesystem::create_symlink("/dev/full", folder / "f.partial");
    test::write_content(folder / "f", "old");
    test::expect_error(Exit::environment, "No space left", [&] {
        write_file(folder / "f", "new");
    });
    EXPECT_EQ(test::content_of(folder / "f"), "old");
    EXPECT_FALSE(std::filesystem::is_symlink(folder / "f.partial"));
}

TEST(FileTest, FoldersAreMadeWithTheirParentsAndMayExist) {
    test::TemporaryFolder const folder;
    make_folders(folder / "a/b/c");
    make_folders(folder / "a/b/c");
    EXPECT_TRUE(std::filesystem::is_directory(folder / "a/b/c"));
    test::write_content(folder / "file", "x");
    test::expect_error(Exit::environment, "file", [&] { make_folders(folder / "file"); });
    test::expect_error(Exit::environment, "file/b", [&] { make_folders(folder / "file/b"); });
}

TEST(FileTest, FlushingTakesFilesAndFolders) {
    test::TemporaryFolder const folder;
    test::write_content(folder / "f", "x");
    flush_to_disk(folder / "f");
    flush_to_disk(folder.path());
    test::expect_error(Exit::environment, "none", [&] { flush_to_disk(folder / "none"); });
}

TEST(FileTest, TooLittleSpaceIsToldWithBothNumbers) {
    test::TemporaryFolder const folder;
    require_free_space(folder.path(), 0);
    auto const more = std::numeric_limits<std::int64_t>::max();
    test::expect_error(Exit::environment, std::to_string(more) + " bytes are needed", [&] {
        require_free_space(folder.path(), more);
    });
    test::expect_error(Exit::environment, "none", [&] { require_free_space(folder / "none", 1); });
}

}  // namespace
}  // namespace isogloss
