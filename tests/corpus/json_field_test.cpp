// corpus/json_field_test.cpp
#include "corpus/json_field.h"

#include <gtest/gtest.h>

#include "base/json.h"

namespace isogloss {
namespace {

TEST(JsonFieldTest, FindsTheTextOfTheOutermostObject) {
    std::string out = "poison";
    EXPECT_EQ(read_json_field(R"({"text": "a\u0394\n"})", "text", out), FieldState::found);
    EXPECT_EQ(out, "aΔ\n");
    auto const* const nested =
        R"({"x": {"text": "no"}, "y": [{"text": "no"}, "text"], "text": "yes", "z": "text"})";
    EXPECT_EQ(read_json_field(nested, "text", out), FieldState::found);
    EXPECT_EQ(out, "yes");
    EXPECT_EQ(read_json_field(R"({"text": "1", "text": "2"})", "text", out), FieldState::found);
    EXPECT_EQ(out, "2");
}

TEST(JsonFieldTest, OtherValuesAreNoText) {
    std::string out;
    for (auto const* line :
         {R"({})", R"([{"text": "x"}])", R"("text")", R"({"text": 1})", R"({"text": null})",
          R"({"text": ["x"]})", R"({"text": {"text": "x"}})", R"({"a": {"text": "x"}})",
          R"({"text": "x", "text": 1})", R"({"a": "text", "b": "x"})", "true", "-1.5e3"}) {
        EXPECT_EQ(read_json_field(line, "text", out), FieldState::missing) << line;
    }
}

TEST(JsonFieldTest, WhatIsNoJsonIsSaid) {
    std::string out;
    for (auto const* line :
         {"", "{", R"({"text": "x")", R"({"text": "x"} {})", R"({"text": "\ud800"})", "{'text': 1}",
          R"({"text": "x",})", "\xEF\xBB", "nul"}) {
        EXPECT_EQ(read_json_field(line, "text", out), FieldState::wrong_json) << line;
    }
}

// A million keys: a parser that keeps them and compares each with all would not end in this life.
TEST(JsonFieldTest, ManyKeysAndDeepNestingTakeLinearTime) {
    std::string line = "{";
    for (int i = 0; i < 1000000; ++i) {
        line += "\"" + std::to_string(i) + "\":0,";
    }
    std::string out;
    EXPECT_EQ(read_json_field(line + R"("text": "x"})", "text", out), FieldState::found);
    std::string const deep(1000000, '[');
    EXPECT_EQ(read_json_field("{\"a\": " + deep, "text", out), FieldState::wrong_json);
    auto const closed = deep + std::string(1000000, ']');
    EXPECT_EQ(read_json_field("{\"a\": " + closed + "}", "text", out), FieldState::missing);
}

}  // namespace
}  // namespace isogloss
