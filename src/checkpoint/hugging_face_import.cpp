// checkpoint/hugging_face_import.cpp
#include "checkpoint/hugging_face_import.h"

#include <fmt/ranges.h>

#include <algorithm>
#include <set>

#include "base/require.h"
#include "checkpoint/attempt.h"
#include "checkpoint/fault_list.h"
#include "checkpoint/foreign_elements.h"
#include "checkpoint/hugging_face_names.h"
#include "checkpoint/streamed_checkpoint.h"
#include "comm/activity.h"
#include "storage/safetensors_index.h"

namespace isogloss {
namespace {

constexpr std::int64_t kElementsAtATime = std::int64_t{1} << 20;

/// The files of a folder, compared with what their config.json describes.
class ForeignWeights {
public:
    /// A shared expert whose output is zero is none: the model is told so.
    ForeignWeights(std::filesystem::path const& folder, ForeignModel& model)
        : folder_(folder),
          model_(model),
          files_(folder),
          parameters_(foreign_parameters(model.form, model.config)) {
        auto const& first = parameters_.front().name;
        has_base_prefix_ = files_.find(first).tensor != nullptr ||
                           files_.find(without_base_prefix(first)).tensor == nullptr;
        drop_zero_shared_experts(model.config);
        parameters_ = foreign_parameters(model.form, model.config);
    }

    /// Throws every fault there is. Returns the tensors that are of no use.
    std::vector<std::string> audit();
    /// The one type of all weights, or the one that is asked for.
    [[nodiscard]] DType dtype(std::optional<DType> asked) const;
    /// Appends the rows of one parameter.
    void append(ParameterSpec const& spec, ShardWriter& writer) const;
    /// Call before append: the model's types are known now.
    void read_as(ModelConfig const& config) {
        sources_ = sources_of_parameters(parameters_, config);
    }

private:
    [[nodiscard]] std::string stored_name(std::string const& name) const {
        return has_base_prefix_ ? name : without_base_prefix(name);
    }
    [[nodiscard]] SafetensorsFolder::Found find(std::string const& name) const {
        return files_.find(stored_name(name));
    }
    void check_parameter(ForeignParameter const& parameter, FaultList& faults) const;
    /// "" when the tensor is of no use, else what is wrong with its being there.
    [[nodiscard]] std::string reason_against(std::string_view name) const;
    [[nodiscard]] bool is_copy_of_embedding(std::string_view name) const;
    void drop_zero_shared_experts(ModelConfig& config);
    [[nodiscard]] bool is_zero_shared_expert(std::string_view name) const;

    std::filesystem::path const& folder_;
    ForeignModel const& model_;
    SafetensorsFolder files_;
    std::vector<ForeignParameter> parameters_;
    bool has_base_prefix_ = true;
    std::vector<std::string> dropped_;  ///< what the names of their tensors begin with
    std::map<std::string, std::vector<ForeignRows>> sources_;
};

void ForeignWeights::check_parameter(ForeignParameter const& parameter, FaultList& faults) const {
    auto const found = find(parameter.name);
    if (found.tensor == nullptr) {
        faults.add("{}: is missing", stored_name(parameter.name));
        return;
    }
    if (found.tensor->shape != parameter.shape) {
        faults.add(
            "{}: is [{}], config.json makes it [{}]", found.tensor->name,
            fmt::join(found.tensor->shape, ", "), fmt::join(parameter.shape, ", ")
        );
    }
    if (!is_weight_type(found.tensor->type)) {
        faults.add(
            "{}: is of type {}; F32, F16 and BF16 are read", found.tensor->name,
            name_of(found.tensor->type)
        );
    }
}

bool ForeignWeights::is_copy_of_embedding(std::string_view name) const {
    auto const head = files_.find(name);
    auto const embedding = find(parameters_.front().name);
    return name == "lm_head.weight" && model_.config.tied_embeddings &&
           embedding.tensor != nullptr &&
           std::ranges::equal(
               head.file->bytes(*head.tensor), embedding.file->bytes(*embedding.tensor)
           );
}

void ForeignWeights::drop_zero_shared_experts(ModelConfig& config) {
    for (std::size_t i = 0; i < config.layers.size(); ++i) {
        if (!config.layers[i].has_shared_expert()) {
            continue;
        }
        auto const its = fmt::format("model.layers.{}.mlp.shared_expert", i);
        auto const down = find(its + ".down_proj.weight");
        bool const is_zero = down.tensor != nullptr &&
                             std::ranges::all_of(down.file->bytes(*down.tensor), [](std::byte b) {
                                 return b == std::byte{0};
                             });
        if (is_zero) {
            config.layers[i].shared_hidden = 0;
            dropped_.push_back(stored_name(its));
        }
    }
}

bool ForeignWeights::is_zero_shared_expert(std::string_view name) const {
    return std::ranges::any_of(dropped_, [&](std::string const& its) {
        return name.starts_with(its + ".") || name.starts_with(its + "_gate.");
    });
}

std::string ForeignWeights::reason_against(std::string_view name) const {
    // Tables that old versions of the library saved; they are computed here too.
    bool const is_table = name.ends_with(".rotary_emb.inv_freq") ||
                          name.ends_with(".attn.masked_bias") || name.ends_with(".attn.bias");
    if (is_table || is_copy_of_embedding(name) || is_zero_shared_expert(name)) {
        return {};
    }
    if (name == "lm_head.weight" && model_.config.tied_embeddings) {
        return "differs from the embedding, which \"tie_word_embeddings\" makes the head";
    }
    return fmt::format("a {} of this config.json has no such tensor", model_.kind);
}

std::vector<std::string> ForeignWeights::audit() {
    FaultList faults(folder_.string());
    std::set<std::string> used;
    for (auto const& parameter : parameters_) {
        if (parameter.is_part_of_model()) {
            check_parameter(parameter, faults);
            used.insert(stored_name(parameter.name));
        }
    }
    std::vector<std::string> ignored;
    for (auto const name : files_.names()) {
        if (used.contains(std::string(name))) {
            continue;
        }
        auto const reason = reason_against(name);
        if (reason.empty()) {
            ignored.emplace_back(name);
        } else {
            faults.add("{}: {}", name, reason);
        }
    }
    faults.throw_if_any();
    return ignored;
}

DType ForeignWeights::dtype(std::optional<DType> asked) const {
    if (asked) {
        return *asked;
    }
    auto const first = find(parameters_.front().name);
    for (auto const& parameter : parameters_) {
        if (parameter.is_router || !parameter.is_part_of_model()) {
            continue;
        }
        auto const& tensor = *find(parameter.name).tensor;
        require_data(
            tensor.type == first.tensor->type,
            "{}: {} is {}, {} is {}: a model has one type; choose it with --dtype (f32 keeps every "
            "value)",
            folder_.string(), tensor.name, name_of(tensor.type), first.tensor->name,
            name_of(first.tensor->type)
        );
    }
    require_data(
        first.tensor->type != ForeignType::f16,
        "{}: {} is F16, which is not computed with; choose --dtype f32 (keeps every value) or bf16 "
        "(rounds)",
        folder_.string(), first.tensor->name
    );
    return first.tensor->type == ForeignType::bf16 ? DType::bf16 : DType::f32;
}

void ForeignWeights::append(ParameterSpec const& spec, ShardWriter& writer) const {
    for (auto const& part : sources_.at(spec.name)) {
        auto const found = find(part.tensor);
        auto const all = found.file->bytes(*found.tensor);
        auto const rows = std::max<std::int64_t>(found.tensor->shape.at(0), 1);
        auto const row_bytes = static_cast<std::int64_t>(all.size()) / rows;
        auto const step =
            std::max<std::int64_t>(1, kElementsAtATime * bytes_of(found.tensor->type) / row_bytes);
        for (std::int64_t row = 0; row < part.rows; row += step) {
            mark_phase("importing");
            auto const count = std::min(step, part.rows - row);
            auto const bytes = all.subspan(
                static_cast<std::size_t>((part.first + row) * row_bytes),
                static_cast<std::size_t>(count * row_bytes)
            );
            writer.append(converted(bytes, found.tensor->type, spec.dtype));
        }
    }
}

}  // namespace

ImportResult import_hugging_face(ImportRequest const& request, MpiComm const& world) {
    ImportResult result;
    std::optional<ForeignWeights> weights;
    Attempt reading;
    reading.run([&] {
        auto const config = request.from / "config.json";
        result.model =
            parse_hugging_face_config(read_json(config), request.ignore, config.string());
        require_data(
            result.model.config.vocab_size >= request.tokenizer_tokens,
            "{}: \"vocab_size\" = {}: the tokenizer has {} tokens", config.string(),
            result.model.config.vocab_size, request.tokenizer_tokens
        );
        weights.emplace(request.from, result.model);
        result.ignored_tensors = weights->audit();
        result.model.config.dtype = weights->dtype(request.dtype);
        weights->read_as(result.model.config);
    });
    reading.agree(world);
    result.checkpoint = write_streamed_checkpoint(
        request.to, result.model.config, request.info,
        [&](ParameterSpec const& spec, ShardWriter& writer) { weights->append(spec, writer); },
        world
    );
    return result;
}

}  // namespace isogloss
