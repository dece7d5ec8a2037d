// corpus/row_order.cpp
#include "corpus/row_order.h"

#include "base/math.h"
#include "corpus/windows.h"

namespace isogloss {

Draw RowOrder::draw(std::int64_t step, std::int64_t row) const {
    return std::visit([&](auto const& rule) { return rule.draw(step, row); }, rule_);
}

std::int64_t RowOrder::targets(Draw const& draw) const {
    return Windows{tokens()[index(draw.language)], row_length()}.targets();
}

std::vector<double> RowOrder::planned_rows(std::int64_t rows) const {
    return std::visit([&](auto const& rule) { return rule.planned_rows(rows); }, rule_);
}

std::int64_t RowOrder::rows() const {
    return std::visit([](auto const& rule) { return rule.config().rows; }, rule_);
}

std::int64_t RowOrder::row_length() const {
    return std::visit([](auto const& rule) { return rule.config().row_length; }, rule_);
}

std::span<std::int64_t const> RowOrder::tokens() const {
    return std::visit(
        [](auto const& rule) { return std::span<std::int64_t const>(rule.config().tokens); }, rule_
    );
}

}  // namespace isogloss
