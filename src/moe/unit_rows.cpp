// moe/unit_rows.cpp
#include "moe/unit_rows.h"

#include "base/require.h"

namespace isogloss {

template <class T>
void add_unit_rows(
    View<T const, 2> x, View<std::int32_t const, 1> target, std::span<double> sum, Stream stream
) {
    require(
        target.shape[0] == x.shape[0] && static_cast<std::int64_t>(sum.size()) == x.shape[1],
        "add_unit_rows: x is [{}, {}], {} targets, a sum of {}", x.shape[0], x.shape[1],
        target.shape[0], sum.size()
    );
    switch (x.device) {
        case Device::cpu: return cpu::add_unit_rows<T>(x, target, sum);
        case Device::cuda: return cuda::add_unit_rows<T>(x, target, sum, stream);
    }
}

template decltype(add_unit_rows<float>) add_unit_rows<float>;
template decltype(add_unit_rows<bf16>) add_unit_rows<bf16>;

}  // namespace isogloss
