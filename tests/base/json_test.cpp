// tests/base/json_test.cpp
#include "base/json.h"

#include <gtest/gtest.h>

#include "support/expect_error.h"
#include "support/temporary_folder.h"

namespace isogloss {
namespace {

TEST(JsonTest, WhatIsWrittenIsReadAgainInItsOrder) {
    test::TemporaryFolder const folder;
    Json value;
    value["zebra"] = 1;
    value["apple"] = {0.1, "ελ", nullptr, true};
    write_json(folder / "f.json", value);
    auto const again = read_json(folder / "f.json");
    EXPECT_EQ(again, value);
    EXPECT_EQ(again.begin().key(), "zebra");
    auto const text = test::content_of(folder / "f.json");
    write_json(folder / "g.json", again);
    EXPECT_EQ(test::content_of(folder / "g.json"), text);
    EXPECT_EQ(text.back(), '\n');
}

TEST(JsonTest, PlansMayHaveComments) {
    test::TemporaryFolder const folder;
    test::write_content(folder / "f.json", "// a plan\n{\"a\": /* one */ 1}\n");
    EXPECT_EQ(read_json(folder / "f.json").at("a"), 1);
}

TEST(JsonTest, BrokenFilesAreNamedWithTheLine) {
    test::TemporaryFolder const folder;
    test::write_content(folder / "f.json", "{\n\"a\": 1,\n}\n");
    test::expect_error(Exit::data, "f.json: not valid JSON", [&] { read_json(folder / "f.json"); });
    test::expect_error(Exit::data, "line 3", [&] { read_json(folder / "f.json"); });
    for (auto const* text : {"", "{\"a\": \"\xFF\"}", "{\"a\": 1} {", "[1, 2"}) {
        test::write_content(folder / "f.json", text);
        test::expect_error(Exit::data, "f.json", [&] { read_json(folder / "f.json"); });
    }
    test::expect_error(Exit::data, "none.json", [&] { read_json(folder / "none.json"); });
}

TEST(JsonTest, NestingHasAnEnd) {
    test::TemporaryFolder const folder;
    test::write_content(folder / "f.json", std::string(100, '[') + std::string(100, ']'));
    EXPECT_TRUE(read_json(folder / "f.json").is_array());
    test::write_content(folder / "f.json", std::string(1000000, '['));
    test::expect_error(Exit::data, "f.json: nests", [&] { read_json(folder / "f.json"); });
}

TEST(JsonTest, MissingKeysAndWrongTypesAreNamed) {
    Json const value{{"steps", "many"}, {"rows", 3}};
    EXPECT_EQ(json_get<int>(value, "rows", "f.json"), 3);
    test::expect_error(Exit::data, "f.json: the key \"width\" is missing", [&] {
        json_get<int>(value, "width", "f.json");
    });
    test::expect_error(Exit::data, "f.json: \"steps\" has the wrong type", [&] {
        json_get<int>(value, "steps", "f.json");
    });
    test::expect_error(Exit::data, "\"rows\"", [&] { json_get<int>(Json(7), "rows", "f.json"); });
}

}  // namespace
}  // namespace isogloss
