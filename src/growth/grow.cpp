// growth/grow.cpp
#include "growth/grow.h"

#include <fmt/format.h>

#include <cmath>
#include <cstring>

#include "base/random.h"
#include "base/require.h"
#include "checkpoint/shard_file.h"

namespace isogloss {
namespace {

/// x[i] += noise * rms(x) * normal(seed, stream, i), in the tensor's own type.
template <class T>
void add_noise(
    std::vector<std::byte>& bytes, float noise, std::uint64_t seed, std::uint64_t stream
) {
    auto const size = bytes.size() / sizeof(T);
    std::vector<T> values(size);
    std::memcpy(values.data(), bytes.data(), bytes.size());
    double squares = 0.0;
    for (auto const value : values) {
        squares += static_cast<double>(to_float(value)) * static_cast<double>(to_float(value));
    }
    auto const deviation =
        static_cast<double>(noise) * std::sqrt(squares / static_cast<double>(size));
    for (std::size_t i = 0; i < size; ++i) {
        auto const moved =
            static_cast<double>(to_float(values[i])) + deviation * random_normal(seed, stream, i);
        values[i] = from_float<T>(static_cast<float>(moved));
    }
    std::memcpy(bytes.data(), values.data(), bytes.size());
}

// Makes the tensors that the old checkpoint has not.
class Growth {
public:
    Growth(StoredCheckpoint const& parent, ExpansionPlan const& plan)
        : parent_(parent), plan_(plan), config_(grown_config(parent.manifest.config, plan)) {}

    [[nodiscard]] ModelConfig const& config() const { return config_; }

    [[nodiscard]] std::vector<std::byte> make(ParameterSpec const& spec) const {
        if (spec.part == Part::expert) {
            return expert(spec);
        }
        return spec.name.ends_with(".classifier.weight") ? classifier(spec) : router(spec);
    }

private:
    [[nodiscard]] std::vector<std::byte> expert(ParameterSpec const& spec) const {
        auto bytes = copy_of_parent_expert(parent_, config_, spec);
        auto const stream = random_stream(spec.name + "/noise");
        if (plan_.noise > 0.0F && spec.dtype == DType::bf16) {
            add_noise<bf16>(bytes, plan_.noise, plan_.seed, stream);
        } else if (plan_.noise > 0.0F) {
            add_noise<float>(bytes, plan_.noise, plan_.seed, stream);
        }
        return bytes;
    }

    // Rows [E, D], drawn, and over them those that are kept or copied.
    [[nodiscard]] std::vector<std::byte> router(ParameterSpec const& spec) const {
        auto const experts = spec.shape[0];
        auto const width = spec.shape[1];
        auto const deviation = std::sqrt(2.0 / static_cast<double>(width + experts));
        // The count of experts is part of the name: another growth of this layer draws other
        // numbers.
        auto const stream = random_stream(fmt::format("{}/{}", spec.name, experts));
        auto rows = normal_floats(spec.size(), deviation, plan_.seed, stream);
        auto const* old = parent_.manifest.tensor(spec.name);
        bool const grows = old == nullptr || old->shape[0] != experts;
        if (old == nullptr || (grows && plan_.router == RouterGrowth::fresh)) {
            return rows;
        }
        auto const kept = read_tensor(parent_, *old, HashCheck::compare);
        std::memcpy(rows.data(), kept.data(), kept.size());
        if (plan_.router == RouterGrowth::copy_row) {
            copy_rows_of_sources(spec, old->shape[0], rows);
        }
        return rows;
    }

    // [classes, D], kept or drawn as a router's rows are.
    [[nodiscard]] std::vector<std::byte> classifier(ParameterSpec const& spec) const {
        auto const* old = parent_.manifest.tensor(spec.name);
        bool const fresh = plan_.classifiers && plan_.classifiers->old == ClassifierGrowth::fresh;
        if (old != nullptr && old->shape == spec.shape && !fresh) {
            return read_tensor(parent_, *old, HashCheck::compare);
        }
        auto const deviation = std::sqrt(2.0 / static_cast<double>(spec.shape[0] + spec.shape[1]));
        // The generation is part of the name: the classifier of another expansion is another one.
        auto const stream =
            random_stream(fmt::format("{}/{}", spec.name, config_.newest_generation()));
        return normal_floats(spec.size(), deviation, plan_.seed, stream);
    }

    void copy_rows_of_sources(
        ParameterSpec const& spec, std::int64_t old_experts, std::vector<std::byte>& rows
    ) const {
        auto const bytes = static_cast<std::size_t>(spec.shape[1]) * sizeof(float);
        auto const& experts = config_.layers[static_cast<std::size_t>(spec.layer)].experts;
        for (auto e = static_cast<std::size_t>(old_experts); e < experts.size(); ++e) {
            auto const source = static_cast<std::size_t>(experts[e].parent);
            std::memcpy(rows.data() + e * bytes, rows.data() + source * bytes, bytes);
        }
    }

    StoredCheckpoint const& parent_;
    ExpansionPlan const& plan_;
    ModelConfig config_;
};

}  // namespace

std::int64_t growth_bytes(ModelConfig const& model, ExpansionPlan const& plan) {
    return derived_bytes(model, grown_config(model, plan));
}

GrowthReport grow(
    std::filesystem::path const& from,
    ExpansionPlan const& plan,
    std::filesystem::path const& to,
    std::string const& options
) {
    auto const parent = read_checkpoint(from);
    require_new_languages(plan.languages, parent.manifest, from.string());
    Growth const growth(parent, plan);
    return derive_checkpoint(parent, growth.config(), to, options, [&](ParameterSpec const& spec) {
        return growth.make(spec);
    });
}

}  // namespace isogloss
