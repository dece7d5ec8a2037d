// corpus/row_order.cpp
#include "corpus/row_order.h"

#include <algorithm>

namespace isogloss {

Draw RowOrder::draw(std::int64_t step, std::int64_t row) const {
    return std::visit([&](auto const& rule) { return rule.draw(step, row); }, rule_);
}

std::int64_t RowOrder::targets(Draw const& draw) const {
    auto const left = tokens()[static_cast<std::size_t>(draw.language)] - draw.first;
    return std::min(row_length(), left - 1);
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
