// corpus/input_pieces_test.cpp
#include "corpus/input_pieces.h"

#include "support/expect_error.h"
#include "support/temporary_folder.h"

namespace isogloss {
namespace {

using test::TemporaryFolder;
using test::write_content;

using Borders = std::vector<std::vector<std::pair<std::int64_t, std::int64_t>>>;

Borders borders_of(LanguageText const& text) {
    Borders borders;
    for (auto const& piece : text.pieces) {
        auto& ranges = borders.emplace_back();
        for (auto const& range : piece.ranges) {
            ranges.emplace_back(range.begin, range.end);
        }
    }
    return borders;
}

// 25 bytes in tens; then 4 and 1 fit beside the last 5, 6 does not; gzip of 30 stays whole.
TEST(InputPiecesTest, LargeFilesAreCutAndSmallOnesGoTogether) {
    TemporaryFolder const folder;
    write_content(folder / "a.txt", std::string(25, 'x'));
    write_content(folder / "b.txt", "1234");
    write_content(folder / "c.txt", "1");
    write_content(folder / "d.txt", "123456");
    write_content(folder / "e.txt.gz", "\x1f\x8b" + std::string(28, 'x'));
    write_content(folder / "f.txt", "");
    LanguageInput input{.tag = "el", .files = {}};
    for (auto const* name : {"a.txt", "b.txt", "c.txt", "d.txt", "e.txt.gz", "f.txt"}) {
        input.files.push_back(folder / name);
    }
    auto const texts = cut_input({input}, 10);
    ASSERT_EQ(texts.size(), 1U);
    EXPECT_EQ(
        borders_of(texts[0]),
        (Borders{{{0, 10}}, {{10, 20}}, {{20, 25}, {0, 4}, {0, 1}}, {{0, 6}}, {{0, 30}}, {{0, 0}}})
    );
    EXPECT_EQ(texts[0].bytes(), 25 + 4 + 1 + 6 + 30);
    EXPECT_EQ(texts[0].source, "a.txt b.txt c.txt d.txt e.txt.gz f.txt");
    EXPECT_EQ(language_texts(to_text(texts)), texts);
}

TEST(InputPiecesTest, ThousandsOfFilesHaveAShortSource) {
    TemporaryFolder const folder;
    write_content(folder / "a.txt", "x");
    LanguageInput const input{
        .tag = "el", .files = std::vector<std::filesystem::path>(5000, folder / "a.txt")};
    auto const text = cut_input({input}, 1000).at(0);
    EXPECT_EQ(text.pieces.size(), 5U);
    EXPECT_TRUE(text.source.ends_with("a.txt and 4992 more"));
    EXPECT_LT(text.source.size(), 100U);
}

TEST(InputPiecesTest, AMissingFileIsNamed) {
    TemporaryFolder const folder;
    test::expect_error(Exit::data, "gone.txt", [&] {
        cut_input({{"el", {folder / "gone.txt"}}}, 10);
    });
}

}  // namespace
}  // namespace isogloss
