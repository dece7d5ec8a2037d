// tests/base/table_test.cpp
#include "base/table.h"

#include <gtest/gtest.h>

#include <cmath>

#include "support/expect_error.h"

namespace isogloss {
namespace {

TEST(TableTest, NumbersStandRightAndWordsLeft) {
    Table table({"language", "tokens", "note"});
    table.add_row({"el", "3.2 M", "new"});
    table.add_row({"English", "12", ""});
    table.add_rule();
    table.add_row({"", "97 %", "x"});
    EXPECT_EQ(
        table.text(),
        "language  tokens  note\n"
        "--------  ------  ----\n"
        "el         3.2 M  new\n"
        "English       12\n"
        "--------  ------  ----\n"
        "            97 %  x\n"
    );
}

TEST(TableTest, ATableWithoutRowsHasItsHeader) {
    EXPECT_EQ(Table({"a", "bc"}).text(), "a  bc\n-  --\n");
}

TEST(TableTest, WidthsAreThoseOfTheScreenNotOfTheBytes) {
    EXPECT_EQ(display_width("abc"), 3);
    EXPECT_EQ(display_width("ελληνικά"), 8);  // two bytes a letter
    EXPECT_EQ(display_width("中文"), 4);      // two columns a letter
    EXPECT_EQ(display_width("e\u0301"), 1);   // a combining accent
    EXPECT_EQ(display_width("\xFF\xC3"), 2);  // broken UTF-8 does no harm
    Table table({"name", "n"});
    table.add_row({"中文", "1"});
    table.add_row({"ελ", "10"});
    EXPECT_EQ(table.text(), "name   n\n----  --\n中文   1\nελ    10\n");
}

TEST(TableTest, ARowOfAnotherLengthIsRefused) {
    Table table({"a", "b"});
    test::expect_error(Exit::internal, "1 cells in a table of 2", [&] { table.add_row({"x"}); });
}

TEST(TableTest, DecimalsOfWhatIsNoNumberAreADash) {
    EXPECT_EQ(decimal_text(1.9144, 3), "1.914");
    EXPECT_EQ(decimal_text(-0.5, 1), "-0.5");
    EXPECT_EQ(decimal_text(std::nan(""), 2), "-");
    EXPECT_EQ(decimal_text(INFINITY, 2), "-");
}

}  // namespace
}  // namespace isogloss
