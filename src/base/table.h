// base/table.h - text tables for people.
#pragma once

#include <string>
#include <vector>

namespace isogloss {

/// Rows under a header, each column as wide as its widest cell. A column whose cells are all
/// numbers (with signs, points, per cents and units such as "3.2 M") is right-aligned.
///
///     Table table({"language", "tokens", "bits per byte"});
///     table.add_row({"el", "3.2 M", decimal_text(1.914, 3)});
///     std::cout << table.text();
class Table {
public:
    explicit Table(std::vector<std::string> header);

    /// @throws Error  when the row has another number of cells than the header
    void add_row(std::vector<std::string> cells);
    /// A line across, before a sum or another group of rows.
    void add_rule();

    /// Lines of the table, each ended by a newline; no blanks at the ends of lines.
    [[nodiscard]] std::string text() const;

private:
    std::vector<std::string> header_;
    std::vector<std::vector<std::string>> rows_;  ///< an empty one is a rule
};

/// `value` with `decimals` digits after the point; "-" for a value that is not finite.
std::string decimal_text(double value, int decimals);

/// Columns that UTF-8 text takes on a terminal: letters of the Basic Multilingual Plane are one
/// wide, East Asian ideographs, kana and hangul two, combining marks none.
int display_width(std::string const& text);

}  // namespace isogloss
