// base/table.cpp
#include "base/table.h"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <utility>

#include "base/require.h"

namespace isogloss {
namespace {

// The code point that begins at text[i]; i moves past it. Broken UTF-8 counts byte by byte.
std::uint32_t next_code_point(std::string const& text, std::size_t& i) {
    auto const byte = [&](std::size_t at) {
        return static_cast<std::uint32_t>(static_cast<unsigned char>(text[at]));
    };
    auto const first = byte(i++);
    int const more = first >= 0xF0U ? 3 : first >= 0xE0U ? 2 : first >= 0xC0U ? 1 : 0;
    auto code = more == 0 ? first : first & (0x3FU >> static_cast<unsigned>(more));
    for (int n = 0; n < more && i < text.size() && (byte(i) & 0xC0U) == 0x80U; ++n) {
        code = code << 6U | (byte(i++) & 0x3FU);
    }
    return code;
}

bool lies_in(std::uint32_t code, std::uint32_t first, std::uint32_t last) {
    return first <= code && code <= last;
}

bool is_combining(std::uint32_t code) {
    return lies_in(code, 0x0300, 0x036F) || lies_in(code, 0x0483, 0x0489) ||
           lies_in(code, 0x0591, 0x05BD) || lies_in(code, 0x064B, 0x065F) ||
           lies_in(code, 0x200B, 0x200F) || lies_in(code, 0x20D0, 0x20FF) ||
           lies_in(code, 0xFE00, 0xFE0F);
}

bool is_wide(std::uint32_t code) {
    return lies_in(code, 0x1100, 0x115F) || lies_in(code, 0x2E80, 0x303E) ||
           lies_in(code, 0x3041, 0xA4CF) || lies_in(code, 0xAC00, 0xD7A3) ||
           lies_in(code, 0xF900, 0xFAFF) || lies_in(code, 0xFE30, 0xFE6F) ||
           lies_in(code, 0xFF00, 0xFF60) || lies_in(code, 0x20000, 0x3FFFD);
}

// "", "-", "12", "-1.5e-3", "97 %", "3.2 M", "1.5 MiB", "4.2 s", "1.5x"
bool is_number(std::string const& cell) {
    if (cell.empty() || cell == "-") {
        return true;
    }
    auto const rest = cell.find_first_not_of("+-0123456789.,");
    auto const digits = cell.find_first_of("0123456789");
    if (digits == std::string::npos || digits > rest) {
        return false;
    }
    if (rest == std::string::npos) {
        return true;
    }
    auto const has_exponent =
        cell[rest] == 'e' && cell.find_first_not_of("+-0123456789", rest + 1) == std::string::npos;
    constexpr std::size_t kLongestUnit = 8;
    return has_exponent || cell[rest] == ' ' || cell[rest] == '%' ||
           (cell[rest] == 'x' && rest + 1 == cell.size()) ||
           (cell.size() - rest <= kLongestUnit && cell[rest] == '/');
}

enum class Side : std::uint8_t { left, right };

std::string padded(std::string const& cell, int width, Side side) {
    std::string const blanks(
        static_cast<std::size_t>(std::max(0, width - display_width(cell))), ' '
    );
    return side == Side::left ? cell + blanks : blanks + cell;
}

}  // namespace

Table::Table(std::vector<std::string> header) : header_(std::move(header)) {}

void Table::add_row(std::vector<std::string> cells) {
    require(
        cells.size() == header_.size() && !cells.empty(), "a row of {} cells in a table of {}",
        cells.size(), header_.size()
    );
    rows_.push_back(std::move(cells));
}

void Table::add_rule() {
    rows_.emplace_back();
}

std::string Table::text() const {
    std::vector<int> width;
    std::vector<Side> side;
    for (std::size_t column = 0; column < header_.size(); ++column) {
        width.push_back(display_width(header_[column]));
        bool numbers = !rows_.empty();
        for (auto const& row : rows_) {
            if (!row.empty()) {
                width.back() = std::max(width.back(), display_width(row[column]));
                numbers = numbers && is_number(row[column]);
            }
        }
        side.push_back(numbers ? Side::right : Side::left);
    }
    auto const line = [&](std::vector<std::string> const& cells) {
        std::string text;
        for (std::size_t column = 0; column < cells.size(); ++column) {
            text += (column == 0 ? "" : "  ") + padded(cells[column], width[column], side[column]);
        }
        return text.substr(0, text.find_last_not_of(' ') + 1) + "\n";
    };
    std::vector<std::string> rule;
    for (int const columns : width) {
        rule.emplace_back(static_cast<std::size_t>(columns), '-');
    }
    std::string text = line(header_) + line(rule);
    for (auto const& row : rows_) {
        text += line(row.empty() ? rule : row);
    }
    return text;
}

std::string decimal_text(double value, int decimals) {
    return std::isfinite(value) ? fmt::format("{:.{}f}", value, decimals) : "-";
}

int display_width(std::string const& text) {
    int width = 0;
    for (std::size_t i = 0; i < text.size();) {
        auto const code = next_code_point(text, i);
        width += is_combining(code) ? 0 : is_wide(code) ? 2 : 1;
    }
    return width;
}

}  // namespace isogloss
