// checkpoint/hugging_face_export.cpp
#include "checkpoint/hugging_face_export.h"

#include <fmt/ranges.h>

#include <algorithm>
#include <functional>
#include <map>
#include <numeric>
#include <set>

#include "base/file.h"
#include "base/json.h"
#include "base/require.h"
#include "checkpoint/attempt.h"
#include "checkpoint/foreign_elements.h"
#include "checkpoint/hugging_face_config_json.h"
#include "checkpoint/hugging_face_files.h"
#include "checkpoint/hugging_face_names.h"
#include "checkpoint/shard_file.h"
#include "comm/activity.h"
#include "storage/safetensors_index.h"
#include "storage/safetensors_writer.h"

namespace isogloss {
namespace {

/// A file of weights, still to be written.
struct FilePlan {
    std::string name;
    std::vector<std::size_t> members;  ///< indices into the table, elements of four bytes first
};

std::int64_t elements_of(ForeignParameter const& parameter) {
    return std::accumulate(
        parameter.shape.begin(), parameter.shape.end(), std::int64_t{1}, std::multiplies<>()
    );
}

/// The weights of one checkpoint in one form.
class Weights {
public:
    explicit Weights(ExportRequest const& request)
        : from_(request.from),
          parameters_(foreign_parameters(request.form, request.from.manifest.config)) {
        find_float_routers();
        plan_files(request.shard_bytes);
    }

    [[nodiscard]] std::vector<FilePlan> const& files() const { return files_; }
    [[nodiscard]] WeightMap weight_map() const;
    [[nodiscard]] std::int64_t bytes() const;
    [[nodiscard]] std::vector<std::string> float_routers() const {
        return {float_routers_.begin(), float_routers_.end()};
    }
    void write(std::filesystem::path const& folder, FilePlan const& file);

private:
    [[nodiscard]] DType type_of(ForeignParameter const& parameter) const {
        return float_routers_.contains(parameter.name) ? DType::f32 : from_.manifest.config.dtype;
    }
    [[nodiscard]] std::int64_t bytes_of_parameter(ForeignParameter const& parameter) const {
        return elements_of(parameter) * bytes_of(type_of(parameter));
    }
    void find_float_routers();
    void plan_files(std::int64_t most);
    void append(ForeignParameter const& parameter, SafetensorsWriter& writer);
    void append_rows(
        ParameterRows const& rows, std::int64_t row_elements, DType type, SafetensorsWriter& writer
    );
    std::vector<std::byte> const& own_bytes(TensorRecord const& tensor);

    StoredCheckpoint const& from_;
    std::vector<ForeignParameter> parameters_;
    std::set<std::string> float_routers_;
    std::vector<FilePlan> files_;
    std::string
        last_name_;  ///< queries, keys and values are rows of one parameter: it is read once
    std::vector<std::byte> last_;
};

/// In a model of bf16, those whose values bf16 has not. Every rank looks, so that all plan the
/// same.
void Weights::find_float_routers() {
    if (from_.manifest.config.dtype != DType::bf16) {
        return;
    }
    for (auto const& parameter : parameters_) {
        for (auto const& rows :
             parameter.is_router ? parameter.from : std::vector<ParameterRows>()) {
            if (!rows.parameter.empty() &&
                !fits_bf16(own_bytes(*from_.manifest.tensor(rows.parameter)))) {
                float_routers_.insert(parameter.name);
            }
        }
    }
}

void Weights::plan_files(std::int64_t most) {
    std::int64_t filled = 0;
    for (std::size_t i = 0; i < parameters_.size(); ++i) {
        auto const bytes = bytes_of_parameter(parameters_[i]);
        if (files_.empty() || filled + bytes > most) {
            files_.emplace_back();
            filled = 0;
        }
        files_.back().members.push_back(i);
        filled += bytes;
    }
    for (std::size_t i = 0; i < files_.size(); ++i) {
        files_[i].name =
            files_.size() == 1
                ? "model.safetensors"
                : fmt::format("model-{:05}-of-{:05}.safetensors", i + 1, files_.size());
        std::ranges::stable_partition(files_[i].members, [&](std::size_t member) {
            return type_of(parameters_[member]) == DType::f32;
        });
    }
}

WeightMap Weights::weight_map() const {
    WeightMap map;
    for (auto const& file : files_) {
        for (auto const member : file.members) {
            map.emplace(parameters_[member].name, file.name);
        }
    }
    return map;
}

std::int64_t Weights::bytes() const {
    std::int64_t sum = 0;
    for (auto const& parameter : parameters_) {
        sum += bytes_of_parameter(parameter);
    }
    return sum;
}

std::vector<std::byte> const& Weights::own_bytes(TensorRecord const& tensor) {
    if (last_name_ != tensor.name) {
        last_ = read_tensor(from_, tensor, HashCheck::compare);
        last_name_ = tensor.name;
    }
    return last_;
}

void Weights::append_rows(
    ParameterRows const& rows, std::int64_t row_elements, DType type, SafetensorsWriter& writer
) {
    auto const elements = rows.rows * row_elements;
    if (rows.parameter.empty()) {
        writer.append(std::vector<std::byte>(static_cast<std::size_t>(elements * bytes_of(type))));
        return;
    }
    auto const* tensor = from_.manifest.tensor(rows.parameter);
    require(tensor != nullptr, "{} is not in the manifest", rows.parameter);
    auto const width = row_elements * bytes_of(tensor->dtype);
    auto const part = std::span(own_bytes(*tensor))
                          .subspan(
                              static_cast<std::size_t>(rows.first * width),
                              static_cast<std::size_t>(rows.rows * width)
                          );
    if (tensor->dtype == type) {
        writer.append(part);
    } else {
        writer.append(converted(part, foreign_type_of(tensor->dtype), type));
    }
}

void Weights::append(ForeignParameter const& parameter, SafetensorsWriter& writer) {
    mark_phase("exporting");
    auto const type = type_of(parameter);
    if (!parameter.values.empty()) {
        writer.append(converted(std::as_bytes(std::span(parameter.values)), ForeignType::f32, type)
        );
    }
    auto const row_elements = elements_of(parameter) / parameter.shape.at(0);
    for (auto const& rows : parameter.from) {
        append_rows(rows, row_elements, type, writer);
    }
}

void Weights::write(std::filesystem::path const& folder, FilePlan const& file) {
    std::vector<ForeignTensor> tensors;
    for (auto const member : file.members) {
        auto const& parameter = parameters_[member];
        tensors.push_back(
            {parameter.name, foreign_type_of(type_of(parameter)), parameter.shape, 0, 0}
        );
    }
    SafetensorsWriter writer(folder / file.name, tensors, {{"format", "pt"}});
    for (auto const member : file.members) {
        append(parameters_[member], writer);
    }
    writer.finish();
}

/// Everything but the weights. Returns the files' names.
std::vector<std::string> write_rest(
    ExportRequest const& request, Weights const& weights, std::filesystem::path const& folder
) {
    std::vector<std::string> files;
    if (weights.files().size() > 1) {
        files.emplace_back("model.safetensors.index.json");
        write_file(
            folder / files.back(), safetensors_index_text(weights.weight_map(), weights.bytes())
        );
    }
    auto config = hugging_face_config(request.form, request.from.manifest.config);
    add_special_tokens(request.tokenizer, config);
    files.emplace_back("config.json");
    write_file(folder / files.back(), config.dump(2) + "\n");
    if (request.form == ForeignForm::isogloss) {
        std::ranges::move(write_modelling_files(folder), std::back_inserter(files));
    }
    if (!request.tokenizer.empty()) {
        auto const copied =
            copy_tokenizer_files(request.tokenizer, request.from.manifest.info, folder);
        files.insert(files.end(), copied.begin(), copied.end());
    }
    return files;
}

std::filesystem::path begin_folder(std::filesystem::path const& to, std::int64_t bytes) {
    require_usage(
        !std::filesystem::exists(to), "{}: exists already; choose another folder or remove it",
        to.string()
    );
    auto const partial = with_ending(to, ".partial");
    std::error_code error;
    std::filesystem::remove_all(partial, error);
    make_folders(partial);
    require_free_space(partial, bytes);
    return partial;
}

void commit_folder(std::filesystem::path const& partial, std::filesystem::path const& to) {
    flush_to_disk(partial);
    rename_path(partial, to);
}

void require_no_obstacles(ExportRequest const& request) {
    auto const reasons = obstacles(request.form, request.from.manifest.config);
    require_usage(
        reasons.empty(), "{}: cannot be written as {}:\n    {}", request.from.folder.string(),
        name_of(request.form), fmt::join(reasons, "\n    ")
    );
}

}  // namespace

ExportResult export_hugging_face(ExportRequest const& request, MpiComm const& world) {
    require_no_obstacles(request);
    auto const to = without_last_slash(request.to);
    auto partial = with_ending(to, ".partial");
    std::optional<Weights> weights;
    Attempt work;
    work.run([&] { weights.emplace(request); });
    if (world.rank() == 0) {
        work.run([&] { partial = begin_folder(to, weights->bytes()); });
    }
    work.agree(world);
    for (std::size_t i = 0; i < weights->files().size(); ++i) {
        if (i % static_cast<std::size_t>(world.size()) == static_cast<std::size_t>(world.rank())) {
            work.run([&] { weights->write(partial, weights->files()[i]); });
        }
    }
    ExportResult result;
    if (world.rank() == 0) {
        work.run([&] { result.files = write_rest(request, *weights, partial); });
    }
    work.agree(world);
    if (world.rank() == 0) {
        work.run([&] { commit_folder(partial, to); });
    }
    work.agree(world);
    for (auto const& file : weights->files()) {
        result.files.push_back(file.name);
    }
    result.tensors = static_cast<std::int64_t>(weights->weight_map().size());
    result.tensor_bytes = weights->bytes();
    result.float_routers = weights->float_routers();
    return result;
}

}  // namespace isogloss
