// corpus/input_list_test.cpp
#include "corpus/input_list.h"

#include <filesystem>
#include <string>
#include <vector>

#include "support/expect_error.h"
#include "support/temporary_folder.h"

namespace isogloss {
namespace {

namespace fs = std::filesystem;
using test::expect_error;
using test::TemporaryFolder;

TEST(InputListTest, WordsNameLanguagesAndTheirFiles) {
    TemporaryFolder const folder;
    fs::create_directories(folder / "el");
    for (auto const* name :
         {"el/b.txt.gz", "el/a.jsonl", "el/notes.md", "zh-Hant.jsonl.xz", "LICENCE.txt",
          "sources.json"}) {
        test::write_content(folder / name, "x");
    }
    auto const inputs = read_input_list({folder.path().string()});
    ASSERT_EQ(inputs.size(), 2U);
    EXPECT_EQ(inputs[0].tag, "el");
    EXPECT_EQ(
        inputs[0].files, (std::vector<fs::path>{folder / "el/a.jsonl", folder / "el/b.txt.gz"})
    );
    EXPECT_EQ(inputs[1].tag, "zh-Hant");
    auto const el = (folder / "el").string();
    auto const named = read_input_list(
        {"zh=" + (folder / "zh-Hant.jsonl.xz").string(), "ab=" + el,
         (folder / "el/a.jsonl").string()}
    );
    ASSERT_EQ(named.size(), 2U);
    EXPECT_EQ(named[0].tag, "ab");
    EXPECT_EQ(named[0].files.size(), 3U);
    expect_error(Exit::usage, "language tag", [&] { read_input_list({"../x=" + el}); });
    expect_error(Exit::usage, "twice", [&] { read_input_list({"el=" + el, "el=" + el}); });
    expect_error(Exit::data, "not there", [&] { read_input_list({"el=" + el + "/none.txt"}); });
    expect_error(Exit::usage, "no text", [&] { read_input_list({}); });
}

TEST(InputListTest, AListNamesFilesFromItsOwnFolder) {
    TemporaryFolder const folder;
    fs::create_directories(folder / "text" / "more");
    for (auto const* name : {"text/b.txt", "text/a.jsonl.xz", "text/more/c.txt"}) {
        test::write_content(folder / name, "x");
    }
    test::write_content(folder / "text" / "el.list", "# Greek\n\nb.txt\n  a.jsonl.xz \r\nmore\n");
    auto const list = (folder / "text" / "el.list").string();
    auto const inputs = read_input_list({"el=@" + list});
    ASSERT_EQ(inputs.size(), 1U);
    EXPECT_EQ(
        inputs[0].files,
        (std::vector<fs::path>{
            folder / "text/b.txt", folder / "text/a.jsonl.xz", folder / "text/more/c.txt"})
    );
    test::write_content(folder / "empty.list", "# nothing\n");
    auto const empty = "el=@" + (folder / "empty.list").string();
    expect_error(Exit::data, "names no file", [&] { read_input_list({empty}); });
    expect_error(Exit::data, "none.list", [&] { read_input_list({"el=@none.list"}); });
    test::write_content(folder / "wrong.list", "gone.txt\n");
    auto const wrong = "el=@" + (folder / "wrong.list").string();
    expect_error(Exit::data, "gone.txt", [&] { read_input_list({wrong}); });
}

TEST(InputListTest, ParquetAndNamesThatAreNoTextAreRefused) {
    TemporaryFolder const folder;
    fs::create_directories(folder / "el");
    test::write_content(folder / "el" / "0.parquet", "PAR1");
    auto const el = (folder / "el").string();
    expect_error(Exit::data, "data/parquet", [&] { read_input_list({"el=" + el}); });
    expect_error(Exit::data, "data/parquet", [&] { read_input_list({folder.path().string()}); });
    expect_error(Exit::data, "data/parquet", [&] { read_input_list({"el=" + el + "/0.parquet"}); });
    fs::create_directories(folder / "hu");
    test::write_content(folder / "hu" / "a\xFF.txt", "x");
    auto const hu = (folder / "hu").string();
    expect_error(Exit::data, "not UTF-8", [&] { read_input_list({"hu=" + hu}); });
}

}  // namespace
}  // namespace isogloss
