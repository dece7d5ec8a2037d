// kernels/adamw.cpp
#include "kernels/adamw.h"

#include "kernels/backend.h"
#include "kernels/checks.h"

namespace isogloss {

template <class T>
void adamw(
    View<float const, 1> gradient,
    AdamwStep const& step,
    View<float, 1> master,
    View<float, 1> first_moment,
    View<float, 1> second_moment,
    View<T, 1> value,
    Stream stream
) {
    require_shape("adamw: master", master, gradient.shape);
    require_shape("adamw: first_moment", first_moment, gradient.shape);
    require_shape("adamw: second_moment", second_moment, gradient.shape);
    require_shape("adamw: value", value, gradient.shape);
    require_one_device("adamw", gradient, master, first_moment, second_moment, value);
    require(step.step >= 1, "adamw: step is {}; the first is 1", step.step);
    switch (gradient.device) {
        case Device::cpu:
            return cpu::adamw(gradient, step, master, first_moment, second_moment, value, stream);
        case Device::cuda:
            return cuda::adamw(gradient, step, master, first_moment, second_moment, value, stream);
    }
}

template decltype(adamw<float>) adamw<float>;
template decltype(adamw<bf16>) adamw<bf16>;

}  // namespace isogloss
