// kernels/adamw_cpu.cpp
#include <cmath>

#include "kernels/backend.h"
#include "kernels/parallel.h"

namespace isogloss::cpu {

template <class T>
void adamw(
    View<float const, 1> gradient,
    AdamwStep const& step,
    View<float, 1> master,
    View<float, 1> first_moment,
    View<float, 1> second_moment,
    View<T, 1> value,
    Stream /*stream*/
) {
    auto const t = static_cast<double>(step.step);
    float const b1 = step.beta1;
    float const b2 = step.beta2;
    auto const unbias1 = static_cast<float>(1.0 / (1.0 - std::pow(static_cast<double>(b1), t)));
    auto const unbias2 = static_cast<float>(1.0 / (1.0 - std::pow(static_cast<double>(b2), t)));
    parallel_elements(gradient.shape[0], [&](std::int64_t begin, std::int64_t end) {
#pragma omp simd
        for (std::int64_t i = begin; i < end; ++i) {
            float const g = step.gradient_scale * gradient.data[i];
            float const m = b1 * first_moment.data[i] + (1.0F - b1) * g;
            float const v = b2 * second_moment.data[i] + (1.0F - b2) * g * g;
            float const w = master.data[i];
            float const direction = m * unbias1 / (std::sqrt(v * unbias2) + step.epsilon);
            float const next = w - step.learning_rate * (direction + step.weight_decay * w);
            first_moment.data[i] = m;
            second_moment.data[i] = v;
            master.data[i] = next;
            value.data[i] = from_float<T>(next);
        }
    });
}

template decltype(adamw<float>) adamw<float>;
template decltype(adamw<bf16>) adamw<bf16>;

}  // namespace isogloss::cpu
