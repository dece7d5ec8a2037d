// train/language_probe.cpp
#include "train/language_probe.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "base/file.h"
#include "checkpoint/load.h"
#include "comm/activity.h"
#include "comm/collective.h"
#include "corpus/loader.h"
#include "model/optimizer.h"
#include "storage/hdf5_writer.h"
#include "train/data_order.h"
#include "train/language_labels.h"
#include "train/update.h"

namespace isogloss {
namespace {

// Elements, of deviations on their way to a file or a sum.
constexpr std::int64_t kDeviationBlock = 65536;

Placement on_all(ModelConfig const& config, MpiComm const& group) {
    PlacementRequest request;
    request.experts_per_layer = config.experts_per_layer();
    request.num_ranks = group.size();
    request.ranks_per_node = group.size();
    return place_experts(request);
}

ModelConfig trained(ModelConfig config) {
    config.dtype = DType::f32;
    apply_trainable("all", config);
    return config;
}

template <class T>
void copy_values(View<T, 1> from, View<float, 1> to) {
    std::ranges::transform(from.span(), to.data, [](T value) { return to_float(value); });
}

bool is_attention_matrix(ParameterSpec const& spec) {
    return spec.name.find(".attention.") != std::string::npos && spec.shape.size() == 2;
}

// Indices of the feed-forward's matrices of layers [first, last), in the table's order.
std::vector<std::size_t> ffn_matrices(
    std::span<ParameterSpec const> specs, std::int32_t first, std::int32_t last
) {
    std::vector<std::size_t> found;
    for (std::size_t i = 0; i < specs.size(); ++i) {
        bool const is_matrix = specs[i].part == Part::expert && specs[i].shape.size() == 2;
        if (is_matrix && first <= specs[i].layer && specs[i].layer < last) {
            found.push_back(i);
        }
    }
    return found;
}

// Elements that count in the norm: the up half of "gate rows, then up rows" where the gate does
// not.
Range counted(ParameterSpec const& spec, FfnWeights weights) {
    bool const has_gate = spec.name.ends_with("gate_up.weight");
    auto const first = has_gate && weights == FfnWeights::up_down ? spec.size() / 2 : 0;
    return {first, spec.size()};
}

Json record_json(ProbeRecord const& record) {
    return {
        {"fingerprint", record.fingerprint},
        {"delta_norm_ffn", record.norms.ffn},
        {"delta_norm_att", record.norms.attention},
        {"loss", {record.first_loss, record.last_loss}}};
}

}  // namespace

LanguageProbe::LanguageProbe(
    ProbeConfig const& config,
    StoredCheckpoint const& base,
    Corpus const& corpus,
    MpiComm const& group
)
    : config_(config),
      corpus_(corpus),
      group_(group),
      base_(frozen(base.manifest.config), on_all(base.manifest.config, group), group, Device::cpu),
      model_(trained(base.manifest.config), on_all(base.manifest.config, group), group, {}) {
    load_weights(base, base_, HashCheck::compare, group);
}

void LanguageProbe::reset() {
    for (std::size_t i = 0; i < base_.specs().size(); ++i) {
        auto const to = model_.parameters().values<float>(i);
        if (base_.specs()[i].dtype == DType::bf16) {
            copy_values(base_.values<bf16>(i), to);
        } else {
            copy_values(base_.values<float>(i), to);
        }
    }
}

std::optional<ProbeRecord> LanguageProbe::run(
    std::string const& language, std::function<bool(std::int64_t)> const& each_pass
) {
    reset();
    auto const run = probe_run(config_, language);
    auto const order = make_order(run, corpus_, model_.config());
    auto const labels = label_languages(run, corpus_, model_.config(), {});
    Slices const slices{run.train.slice_rows(), run.train.num_slices()};
    Loader loader(corpus_, order, slice_plan(slices, group_.size(), group_.rank(), 0));
    Optimizer optimizer(model_.parameters());
    ProbeRecord record;
    for (std::int64_t step = 0; step < run.train.steps; ++step) {
        mark_step(step);
        auto options = step_options(run.train, order, labels, step);
        model_.parameters().restart_gradients();
        double loss = 0.0;
        for (std::int64_t slice = 0; slice < run.train.num_slices(); ++slice) {
            if (any_of(!each_pass(step), group_)) {
                return std::nullopt;
            }
            auto const batch = loader.next();
            options.routing = routing_of(run.train, labels, batch);
            options.optimizer = slice + 1 == run.train.num_slices() ? &optimizer : nullptr;
            auto const pass = model_.train(batch, options);
            loss += std::accumulate(pass.row_loss.begin(), pass.row_loss.end(), 0.0);
        }
        record.last_loss = sum_over(loss, group_) / options.counted_targets;
        record.first_loss = step == 0 ? record.last_loss : record.first_loss;
        auto const norm = optimizer.reduce_gradients(group_);
        require_data(
            std::isfinite(record.last_loss) && std::isfinite(norm),
            "{}: step {} has loss {} and gradient norm {}: is the base model sound?", language,
            step + 1, record.last_loss, norm
        );
        optimizer.update(update_of(run.train, step, step + 1, norm));
    }
    record.norms = norms();
    return record;
}

void LanguageProbe::deviation(std::size_t parameter, std::int64_t first, std::span<float> out)
    const {
    auto const after = model_.parameters().values<float>(parameter);
    auto const fill = [&](auto before) {
        for (std::size_t i = 0; i < out.size(); ++i) {
            auto const at = first + static_cast<std::int64_t>(i);
            out[i] = after.data[at] - to_float(before.data[at]);
        }
    };
    if (base_.specs()[parameter].dtype == DType::bf16) {
        fill(base_.values<bf16>(parameter));
    } else {
        fill(base_.values<float>(parameter));
    }
}

double LanguageProbe::sum_of_squares(std::size_t parameter, Range elements) const {
    std::vector<float> block;
    double sum = 0.0;
    for (auto first = elements.begin; first < elements.end; first += kDeviationBlock) {
        block.resize(static_cast<std::size_t>(std::min(kDeviationBlock, elements.end - first)));
        deviation(parameter, first, block);
        for (auto const value : block) {
            sum += static_cast<double>(value) * static_cast<double>(value);
        }
    }
    return sum;
}

DeviationNorms LanguageProbe::norms() const {
    auto const layers = static_cast<std::size_t>(model_.config().num_layers());
    DeviationNorms norms{std::vector<double>(layers, 0.0), std::vector<double>(layers, 0.0)};
    auto const specs = base_.specs();
    for (std::size_t i = 0; i < specs.size(); ++i) {
        auto const layer = static_cast<std::size_t>(specs[i].layer);
        if (specs[i].part == Part::expert) {
            norms.ffn.at(layer) += sum_of_squares(i, counted(specs[i], config_.ffn_weights));
        } else if (is_attention_matrix(specs[i])) {
            norms.attention.at(layer) += sum_of_squares(i, {0, specs[i].size()});
        }
    }
    for (auto* list : {&norms.ffn, &norms.attention}) {
        std::ranges::transform(*list, list->begin(), [](double x) { return std::sqrt(x); });
    }
    return norms;
}

void LanguageProbe::write(ProbeRecord const& record, std::filesystem::path const& path) const {
    auto const layers = model_.config().num_layers();
    auto const first_layer = layers - static_cast<std::int32_t>(config_.similarity_layers);
    auto const matrices = ffn_matrices(base_.specs(), first_layer, layers);
    std::int64_t size = 0;
    for (auto const i : matrices) {
        size += base_.specs()[i].size();
    }
    auto const partial = with_ending(path, ".partial");
    Hdf5Writer writer(partial);
    writer.text_attribute("/", "probe", record_json(record).dump());
    writer.create(kDeviationDataset, StoredType::f32, {size});
    std::vector<float> block;
    std::int64_t written = 0;
    for (auto const i : matrices) {
        auto const length = base_.specs()[i].size();
        for (std::int64_t first = 0; first < length; first += kDeviationBlock) {
            auto const count = std::min(kDeviationBlock, length - first);
            block.resize(static_cast<std::size_t>(count));
            deviation(i, first, block);
            writer.write_rows(kDeviationDataset, written, count, std::as_bytes(std::span(block)));
            written += count;
        }
    }
    writer.close();
    std::error_code error;
    std::filesystem::rename(partial, path, error);
    require_environment(
        !error, "{}: cannot be renamed into place: {}", path.string(), error.message()
    );
    flush_to_disk(path.parent_path());
}

}  // namespace isogloss
