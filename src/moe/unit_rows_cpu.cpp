// moe/unit_rows_cpu.cpp
#include <cmath>

#include "moe/unit_rows.h"

namespace isogloss::cpu {

template <class T>
void add_unit_rows(View<T const, 2> x, View<std::int32_t const, 1> target, std::span<double> sum) {
    auto const [tokens, width] = x.shape;
    for (std::int64_t n = 0; n < tokens; ++n) {
        if (target.data[n] < 0) {
            continue;
        }
        T const* const row = x.data + n * width;
        double squares = 0.0;
        for (std::int64_t d = 0; d < width; ++d) {
            auto const value = static_cast<double>(to_float(row[d]));
            squares += value * value;
        }
        double const scale = squares > 0.0 ? 1.0 / std::sqrt(squares) : 0.0;
        for (std::int64_t d = 0; d < width; ++d) {
            sum[static_cast<std::size_t>(d)] += scale * static_cast<double>(to_float(row[d]));
        }
    }
}

template decltype(add_unit_rows<float>) add_unit_rows<float>;
template decltype(add_unit_rows<bf16>) add_unit_rows<bf16>;

}  // namespace isogloss::cpu
