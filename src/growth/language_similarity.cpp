// growth/language_similarity.cpp
#include "growth/language_similarity.h"

#include <algorithm>
#include <cmath>
#include <set>

#include "base/require.h"
#include "growth/measurement.h"

namespace isogloss {
namespace {

// What rounding of a cosine in float and of its printed digits can do.
constexpr double kTolerance = 1e-6;

std::vector<std::string> languages_from_json(Json const& value, std::string const& where) {
    auto const languages = json_get<std::vector<std::string>>(value, "languages", where);
    require_data(!languages.empty(), "{}: \"languages\" is empty", where);
    std::set<std::string> seen;
    for (auto const& language : languages) {
        require_data(
            seen.insert(language).second,
            "{}: the language \"{}\" stands twice in \"languages\"; leave one out, with its row "
            "and column",
            where, language
        );
    }
    return languages;
}

// Reads one row; the cell on the diagonal may be anything.
void append_row(
    Json const& row,
    std::size_t number,
    std::vector<std::string> const& languages,
    std::string const& where,
    std::vector<double>& cells
) {
    require_data(
        row.is_array() && row.size() == languages.size(),
        "{}: row {} (\"{}\") of \"similarity\" has {} numbers and there are {} languages", where,
        number, languages[number], row.is_array() ? row.size() : 0, languages.size()
    );
    for (std::size_t column = 0; column < row.size(); ++column) {
        if (column == number) {
            cells.push_back(1.0);
            continue;
        }
        auto const place = fmt::format(
            "{}: row {} (\"{}\"), column {} (\"{}\")", where, number, languages[number], column,
            languages[column]
        );
        auto const cell = finite_number(row[column], place);
        require_data(
            std::abs(cell) <= 1.0 + kTolerance,
            "{}: {} is no cosine, it must lie in [-1, 1]; give similarities, not distances or "
            "per cents",
            place, cell
        );
        cells.push_back(cell);
    }
}

void check_symmetry(
    std::vector<std::string> const& languages,
    std::vector<double> const& cells,
    std::string const& where
) {
    auto const n = languages.size();
    for (std::size_t a = 0; a < n; ++a) {
        for (std::size_t b = a + 1; b < n; ++b) {
            require_data(
                std::abs(cells[a * n + b] - cells[b * n + a]) <= kTolerance,
                "{}: row {} (\"{}\"), column {} (\"{}\") is {} and the cell across the diagonal is "
                "{}: a similarity must be symmetric within {}",
                where, a, languages[a], b, languages[b], cells[a * n + b], cells[b * n + a],
                kTolerance
            );
        }
    }
}

}  // namespace

LanguageDistances::LanguageDistances(
    std::vector<std::string> languages, std::vector<double> const& similarity
)
    : languages_(std::move(languages)), distance_(similarity.size()) {
    auto const n = languages_.size();
    require(
        similarity.size() == n * n, "{} cells for {} languages", similarity.size(),
        languages_.size()
    );
    for (std::size_t a = 0; a < n; ++a) {
        for (std::size_t b = 0; b < n; ++b) {
            auto const mean = (similarity[a * n + b] + similarity[b * n + a]) / 2.0;
            distance_[a * n + b] = a == b ? 0.0 : 1.0 - std::clamp(mean, -1.0, 1.0);
        }
    }
}

LanguageDistances language_distances_from_json(Json const& value, std::string const& where) {
    auto languages = languages_from_json(value, where);
    require_data(
        value.contains("similarity") && value["similarity"].is_array(),
        "{}: the key \"similarity\", a list of rows, is missing", where
    );
    auto const& rows = value["similarity"];
    require_data(
        rows.size() == languages.size(),
        "{}: \"similarity\" has {} rows and there are {} languages; it must be square", where,
        rows.size(), languages.size()
    );
    std::vector<double> cells;
    cells.reserve(languages.size() * languages.size());
    for (std::size_t row = 0; row < rows.size(); ++row) {
        append_row(rows[row], row, languages, where, cells);
    }
    check_symmetry(languages, cells, where);
    return {std::move(languages), cells};
}

}  // namespace isogloss
