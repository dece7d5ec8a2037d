// storage/mapped_file_test.cpp
#include "storage/mapped_file.h"

#include "support/expect_error.h"
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

TEST(MappedFileTest, EmptyFileHasNoBytesAndAMissingOneIsNamed) {
    TemporaryFolder const folder;
    test::write_content(folder / "empty", "");
    EXPECT_TRUE(MappedFile(folder / "empty", Access::random).bytes().empty());
    expect_error(Exit::data, "missing", [&] { MappedFile(folder / "missing", Access::random); });
    expect_error(Exit::data, "regular", [&] { MappedFile(folder.path(), Access::random); });
}

}  // namespace
}  // namespace isogloss
