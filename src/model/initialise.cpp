// model/initialise.cpp
#include <fmt/format.h>

#include <cmath>

#include "base/random.h"
#include "base/require.h"
#include "device/copy.h"
#include "model/language_model.h"

namespace isogloss {
namespace {

constexpr double kDeviation = 0.02;

// Name of the parameter whose numbers `spec` starts from: its own, or that of its first ancestor.
std::string origin_of(ParameterSpec const& spec, ModelConfig const& config) {
    if (spec.part != Part::expert) {
        return spec.name;
    }
    auto const& experts = config.layers[static_cast<std::size_t>(spec.layer)].experts;
    auto expert = spec.expert;
    while (experts[static_cast<std::size_t>(expert)].parent >= 0) {
        expert = experts[static_cast<std::size_t>(expert)].parent;
    }
    auto const what =
        spec.name.substr(fmt::format("layers.{}.experts.{}.", spec.layer, spec.expert).size());
    return fmt::format("layers.{}.experts.{}.{}", spec.layer, expert, what);
}

template <class T>
void fill_normal(View<T, 1> x, double deviation, std::uint64_t seed, std::uint64_t stream) {
    auto const size = x.size();
#pragma omp parallel for schedule(static)
    for (std::int64_t i = 0; i < size; ++i) {
        x.data[i] = from_float<T>(static_cast<float>(
            deviation * random_normal(seed, stream, static_cast<std::uint64_t>(i))
        ));
    }
}

template <class T>
void fill_constant(View<T, 1> x, float value) {
    for (auto& element : x.span()) {
        element = from_float<T>(value);
    }
}

// Gains start as 1, whether they are stored as such or as the difference from it; biases as 0.
float first_of_vector(ParameterSpec const& spec, ModelConfig const& config) {
    bool const is_of_head =
        spec.name.ends_with("q_norm.weight") || spec.name.ends_with("k_norm.weight");
    bool const has_offset = config.family.norm == NormKind::rms_offset && !is_of_head;
    return spec.name.ends_with("bias") || has_offset ? 0.0F : 1.0F;
}

// In host memory.
template <class T>
void initialise_one(
    View<T, 1> values, ParameterSpec const& spec, ModelConfig const& config, std::uint64_t seed
) {
    if (spec.shape.size() == 1) {
        return fill_constant(values, first_of_vector(spec, config));
    }
    bool const writes_residual =
        spec.name.ends_with("attention.output.weight") || spec.name.ends_with("down.weight");
    double const deviation =
        writes_residual ? kDeviation / std::sqrt(2.0 * config.num_layers()) : kDeviation;
    fill_normal(values, deviation, seed, random_stream(origin_of(spec, config)));
}

}  // namespace

void initialise(ParameterTable& parameters, ModelConfig const& config, std::uint64_t seed) {
    for (std::size_t i = 0; i < parameters.specs().size(); ++i) {
        if (!parameters.is_held(i)) {
            continue;
        }
        auto const& spec = parameters.specs()[i];
        auto const set = [&](auto host) { initialise_one(host, spec, config, seed); };
        if (spec.dtype == DType::f32) {
            fill_from_host(parameters.values<float>(i), Stream{}, set);
        } else {
            fill_from_host(parameters.values<bf16>(i), Stream{}, set);
        }
    }
}

}  // namespace isogloss
