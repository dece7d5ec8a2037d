// tests/base/text_test.cpp
#include "base/text.h"

#include <gtest/gtest.h>

namespace isogloss {
namespace {

TEST(TextTest, BytesAreInPowersOf1024) {
    EXPECT_EQ(bytes_text(0), "0 B");
    EXPECT_EQ(bytes_text(1023), "1023 B");
    EXPECT_EQ(bytes_text(1536), "1.5 KiB");
    EXPECT_EQ(bytes_text((1 << 20) - 1), "1.0 MiB");  // not 1024 KiB
    EXPECT_EQ(bytes_text(std::int64_t{200} << 20), "200 MiB");
    EXPECT_EQ(bytes_text(std::int64_t{3} << 30), "3.0 GiB");
}

TEST(TextTest, CountsAreInPowersOf1000) {
    EXPECT_EQ(count_text(0), "0");
    EXPECT_EQ(count_text(0.25), "0.2");
    EXPECT_EQ(count_text(12.5), "12.5");
    EXPECT_EQ(count_text(950), "950");
    EXPECT_EQ(count_text(999.7), "1.0 k");
    EXPECT_EQ(count_text(3200), "3.2 k");
    EXPECT_EQ(count_text(999999), "1.0 M");
    EXPECT_EQ(count_text(1.7e10), "17.0 G");
}

TEST(TextTest, DurationsHaveTwoUnitsAtMost) {
    EXPECT_EQ(duration_text(0.84), "0.8 s");
    EXPECT_EQ(duration_text(9.96), "10 s");
    EXPECT_EQ(duration_text(59.6), "1 min 00 s");
    EXPECT_EQ(duration_text(200), "3 min 20 s");
    EXPECT_EQ(duration_text(2 * 3600 + 5 * 60 + 20), "2 h 05 min");
    EXPECT_EQ(duration_text(4 * 86400 + 3 * 3600), "4 d 03 h");
    EXPECT_EQ(duration_text(-1), "-");
}

TEST(TextTest, TheNearestNameIsFoundAndFarOnesAreNot) {
    std::vector<std::string> const names{"temperature", "rows", "rate", "seed"};
    EXPECT_EQ(closest_match("temprature", names), "temperature");
    EXPECT_EQ(closest_match("rwos", names), "rows");  // two letters changed places
    EXPECT_EQ(closest_match("tate", names), "rate");
    EXPECT_EQ(closest_match("layers", names), "");
    EXPECT_EQ(closest_match("", names), "");
    EXPECT_EQ(closest_match("rows", {}), "");
}

TEST(TextTest, CommaListsAreSplitWithoutBlanks) {
    using List = std::vector<std::string>;
    EXPECT_EQ(split_at_commas("a, b ,c"), (List{"a", "b", "c"}));
    EXPECT_EQ(split_at_commas("a,,"), (List{"a", "", ""}));
    EXPECT_EQ(split_at_commas(" "), List{});
    EXPECT_EQ(without_blanks(" \t a b\n"), "a b");
    EXPECT_EQ(without_blanks(" \n"), "");
}

}  // namespace
}  // namespace isogloss
