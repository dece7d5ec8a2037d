// kernels/adamw_cuda.cu
#include <cmath>

#include "kernels/backend.h"
#include "kernels/cuda_parts.h"

namespace isogloss::cuda {
namespace {

template <class T>
struct Update {
    float const* gradient;
    float* master;
    float* first_moment;
    float* second_moment;
    T* value;
    AdamwStep step;
    float unbias1;
    float unbias2;

    template <int n>
    __device__ void at(std::int64_t i) const {
        float g[n];
        float m[n];
        float v[n];
        float w[n];
        load(gradient + i, g);
        load(first_moment + i, m);
        load(second_moment + i, v);
        load(master + i, w);
#pragma unroll
        for (int j = 0; j < n; ++j) {
            float const slope = step.gradient_scale * g[j];
            m[j] = step.beta1 * m[j] + (1.0F - step.beta1) * slope;
            v[j] = step.beta2 * v[j] + (1.0F - step.beta2) * slope * slope;
            float const direction = m[j] * unbias1 / (sqrtf(v[j] * unbias2) + step.epsilon);
            w[j] -= step.learning_rate * (direction + step.weight_decay * w[j]);
        }
        store(m, first_moment + i);
        store(v, second_moment + i);
        store(w, master + i);
        store(w, value + i);
    }
};

}  // namespace

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
    auto const t = static_cast<double>(step.step);
    auto const unbias = [t](float beta) {
        return static_cast<float>(1.0 / (1.0 - std::pow(static_cast<double>(beta), t)));
    };
    Update<T> const update{gradient.data, master.data, first_moment.data,  second_moment.data,
                           value.data,    step,        unbias(step.beta1), unbias(step.beta2)};
    constexpr int kPack = 4;
    bool const aligned =
        all_aligned(
            kVectorBytes, gradient.data, master.data, first_moment.data, second_moment.data
        ) &&
        all_aligned(kPack * sizeof(T), value.data);
    over_elements_of_share<kPack>(gradient.shape[0], aligned, update, stream);
}

template decltype(adamw<float>) adamw<float>;
template decltype(adamw<bf16>) adamw<bf16>;

}  // namespace isogloss::cuda
