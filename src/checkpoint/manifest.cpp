// checkpoint/manifest.cpp
#include "checkpoint/manifest.h"

#include <algorithm>
#include <fstream>
#include <iterator>
#include <map>
#include <set>

#include "base/hash.h"
#include "base/json.h"
#include "base/require.h"
#include "checkpoint/config_json.h"
#include "checkpoint/fault_list.h"
#include "checkpoint/json_fields.h"
#include "checkpoint/shard_layout.h"

namespace isogloss {
namespace {

constexpr std::int64_t kSchema = 1;
constexpr char const* kFormat = "isogloss checkpoint";

bool is_sha256(std::string_view text) {
    return text.size() == 64 && std::ranges::all_of(text, [](char c) {
               return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f');
           });
}

/// On one line. Paths and options may hold bytes that are no UTF-8; JSON cannot.
std::string text_of(Json const& value) {
    return value.dump(-1, ' ', false, Json::error_handler_t::replace);
}

/// An array with one element a line, so that two manifests can be compared line by line.
std::string lines_of(Json const& array) {
    std::string text = "[";
    for (auto const& element : array) {
        text += text.size() == 1 ? "\n    " : ",\n    ";
        text += text_of(element);
    }
    return text + "\n  ]";
}

Json info_to_json(CheckpointInfo const& info) {
    Json parent = nullptr;
    if (info.parent) {
        parent =
            Json{{"path", info.parent->path}, {"manifest_sha256", info.parent->manifest_sha256}};
    }
    return Json{
        {"step", info.step},
        {"tokens_seen", info.tokens_seen},
        {"optimizer_step", info.optimizer_step},
        {"tokenizer", Json{{"kind", info.tokenizer_kind}, {"sha256", info.tokenizer_sha256}}},
        {"languages", info.languages},
        {"parent", parent},
        {"options", info.options}};
}

void read_parent(JsonFields& fields, Json const& value, CheckpointInfo& info, FaultList& faults) {
    if (value.is_null()) {
        return;
    }
    ParentRecord parent;
    JsonFields in_parent(value, faults.source() + ": parent", faults.texts());
    in_parent.read("path", parent.path);
    in_parent.read("manifest_sha256", parent.manifest_sha256);
    if (!is_sha256(parent.manifest_sha256)) {
        fields.fault("parent: \"manifest_sha256\" is no SHA-256");
    }
    info.parent = parent;
}

CheckpointInfo info_from_json(Json const& value, FaultList& faults) {
    CheckpointInfo info;
    JsonFields fields(value, faults.source(), faults.texts());
    fields.read("step", info.step);
    fields.read("tokens_seen", info.tokens_seen);
    fields.read("optimizer_step", info.optimizer_step, -1);
    fields.read("options", info.options);
    if (value.contains("tokenizer")) {
        JsonFields tokenizer(value["tokenizer"], faults.source() + ": tokenizer", faults.texts());
        tokenizer.read("kind", info.tokenizer_kind);
        tokenizer.read("sha256", info.tokenizer_sha256);
    } else {
        fields.fault("the key \"tokenizer\" is missing");
    }
    for (auto const& language : fields.array("languages")) {
        if (language.is_string()) {
            info.languages.push_back(language.get<std::string>());
        } else {
            fields.fault("\"languages\" holds what is no text");
        }
    }
    if (value.contains("parent")) {
        read_parent(fields, value["parent"], info, faults);
    } else {
        fields.fault("the key \"parent\" is missing");
    }
    return info;
}

Json tensor_to_json(TensorRecord const& tensor) {
    return Json{
        {"name", tensor.name},
        {"shape", tensor.shape},
        {"dtype", name_of(tensor.dtype)},
        {"shard", tensor.shard},
        {"sha256", tensor.sha256}};
}

TensorRecord tensor_from_json(Json const& value, std::string const& where, FaultList& faults) {
    TensorRecord tensor;
    JsonFields fields(value, where, faults.texts());
    fields.read("name", tensor.name);
    for (auto const& extent : fields.array("shape")) {
        if (JsonFields::is_integer(extent) && extent.get<std::int64_t>() > 0) {
            tensor.shape.push_back(extent.get<std::int64_t>());
        } else {
            fields.fault(fmt::format("\"shape\" holds {}: must be whole numbers > 0", extent.dump())
            );
        }
    }
    std::string dtype = name_of(DType::f32);
    fields.read("dtype", dtype);
    if (dtype != name_of(DType::f32) && dtype != name_of(DType::bf16)) {
        fields.fault(fmt::format("\"dtype\" = \"{}\": must be f32 or bf16", dtype));
    }
    tensor.dtype = dtype == name_of(DType::bf16) ? DType::bf16 : DType::f32;
    fields.read("shard", tensor.shard);
    fields.read("sha256", tensor.sha256);
    if (!is_sha256(tensor.sha256)) {
        fields.fault("\"sha256\" is no SHA-256");
    }
    return tensor;
}

ShardRecord shard_from_json(Json const& value, std::string const& where, FaultList& faults) {
    ShardRecord shard;
    JsonFields fields(value, where, faults.texts());
    fields.read("file", shard.file);
    if (!is_plain_file_name(shard.file)) {
        fields.fault(fmt::format(
            "\"file\" = {}: must be a plain name inside the folder", Json(shard.file).dump()
        ));
    }
    fields.read("bytes", shard.bytes);
    fields.read("sha256", shard.sha256);
    if (!is_sha256(shard.sha256)) {
        fields.fault("\"sha256\" is no SHA-256");
    }
    return shard;
}

/// Each shard holds its tensors, and each tensor lies in a shard that is listed.
void check_shards(Manifest const& manifest, FaultList& faults) {
    std::map<std::string, std::int64_t> room;
    for (auto const& shard : manifest.shards) {
        if (!room.emplace(shard.file, shard.bytes).second) {
            faults.add("{}: the shard is listed twice", shard.file);
        }
    }
    for (auto const& tensor : manifest.tensors) {
        auto const found = room.find(tensor.shard);
        if (found == room.end()) {
            faults.add("{}: lies in \"{}\", which is no listed shard", tensor.name, tensor.shard);
            continue;
        }
        auto const bytes = tensor.bytes();
        if (bytes < 0 || bytes > found->second) {
            faults.add(
                "{}: its shape [{}] has more bytes than are left in {}", tensor.name,
                fmt::join(tensor.shape, ", "), tensor.shard
            );
            continue;
        }
        found->second -= bytes;
    }
}

/// The tensors that a model of this config has, state of the optimizer included if there is any.
std::vector<TensorRecord> expected_tensors(Manifest const& manifest) {
    std::vector<TensorRecord> expected;
    auto const specs = parameter_specs(manifest.config);
    for (auto const& spec : specs) {
        expected.push_back({spec.name, spec.shape, spec.dtype, {}, {}});
    }
    if (!manifest.has_optimizer_state()) {
        return expected;
    }
    for (auto const& spec : specs) {
        for (auto const kind :
             spec.trainable ? state_kinds(spec) : std::vector<std::string_view>{}) {
            expected.push_back({state_name(spec, kind), {spec.size()}, DType::f32, {}, {}});
        }
    }
    return expected;
}

void check_tensors(Manifest const& manifest, FaultList& faults) {
    std::map<std::string_view, TensorRecord const*> stored;
    for (auto const& tensor : manifest.tensors) {
        if (!stored.emplace(tensor.name, &tensor).second) {
            faults.add("{}: the tensor is listed twice", tensor.name);
        }
    }
    std::vector<std::string> unlike;  // told after what is missing or unknown
    for (auto const& tensor : expected_tensors(manifest)) {
        auto const found = stored.find(tensor.name);
        if (found == stored.end()) {
            faults.add("{}: the model has this tensor, the manifest has not", tensor.name);
            continue;
        }
        if (found->second->shape != tensor.shape || found->second->dtype != tensor.dtype) {
            unlike.push_back(fmt::format(
                "{}: is {} [{}], the model wants {} [{}]", tensor.name,
                name_of(found->second->dtype), fmt::join(found->second->shape, ", "),
                name_of(tensor.dtype), fmt::join(tensor.shape, ", ")
            ));
        }
        stored.erase(found);
    }
    for (auto const& [name, tensor] : stored) {
        faults.add("{}: the model has no such tensor", name);
    }
    std::ranges::move(unlike, std::back_inserter(faults.texts()));
}

Manifest manifest_from_json(Json const& value, FaultList& faults) {
    Manifest manifest;
    manifest.info = info_from_json(value, faults);
    JsonFields fields(value, faults.source(), faults.texts());
    fields.read("bytes_written", manifest.bytes_written);
    fields.read("bytes_linked", manifest.bytes_linked);
    if (value.contains("model")) {
        manifest.config =
            config_from_json(value["model"], faults.source() + ": model", faults.texts());
    } else {
        fields.fault("the key \"model\" is missing");
    }
    for (auto const& shard : fields.array("shards")) {
        auto const where = fmt::format("{}: shards[{}]", faults.source(), manifest.shards.size());
        manifest.shards.push_back(shard_from_json(shard, where, faults));
    }
    for (auto const& tensor : fields.array("tensors")) {
        auto const where = fmt::format("{}: tensors[{}]", faults.source(), manifest.tensors.size());
        manifest.tensors.push_back(tensor_from_json(tensor, where, faults));
    }
    return manifest;
}

std::string read_text(std::filesystem::path const& path) {
    std::ifstream file(path, std::ios::binary);
    require_data(
        file.is_open(), "{}: cannot be opened; is this the folder of a checkpoint?", path.string()
    );
    std::string text{std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
    require_data(!file.bad(), "{}: cannot be read to its end", path.string());
    return text;
}

}  // namespace

std::int64_t TensorRecord::bytes() const {
    constexpr std::int64_t kMost = std::int64_t{1} << 60;  // more than any disk; products fit
    std::int64_t bytes = bytes_of(dtype);
    for (auto const extent : shape) {
        if (extent <= 0 || bytes > kMost / extent) {
            return -1;
        }
        bytes *= extent;
    }
    return bytes;
}

TensorRecord const* Manifest::tensor(std::string_view name) const {
    auto const found = std::ranges::find(tensors, name, &TensorRecord::name);
    return found == tensors.end() ? nullptr : &*found;
}

ShardRecord const* Manifest::shard(std::string_view file) const {
    auto const found = std::ranges::find(shards, file, &ShardRecord::file);
    return found == shards.end() ? nullptr : &*found;
}

std::vector<TensorRecord const*> Manifest::tensors_of(std::string_view file) const {
    std::vector<TensorRecord const*> found;
    for (auto const& tensor : tensors) {
        if (tensor.shard == file) {
            found.push_back(&tensor);
        }
    }
    return found;
}

bool is_plain_file_name(std::string_view name) {
    return !name.empty() && name.size() <= 255 && name.front() != '.' &&
           std::ranges::all_of(name, [](char c) {
               return static_cast<unsigned char>(c) > ' ' && c != '/' && c != '\\' && c != 127;
           });
}

std::string manifest_text(Manifest const& manifest) {
    std::string text = fmt::format("{{\n  \"format\": \"{}\",\n  \"schema\": {}", kFormat, kSchema);
    auto const info = info_to_json(manifest.info);
    for (auto const& [key, value] : info.items()) {
        text += fmt::format(",\n  \"{}\": {}", key, text_of(value));
    }
    text += fmt::format(",\n  \"bytes_written\": {}", manifest.bytes_written);
    text += fmt::format(",\n  \"bytes_linked\": {}", manifest.bytes_linked);
    text += fmt::format(",\n  \"model\": {}", text_of(config_to_json(manifest.config)));
    auto shards = Json::array();
    for (auto const& shard : manifest.shards) {
        shards.push_back(Json{
            {"file", shard.file}, {"bytes", shard.bytes}, {"sha256", shard.sha256}});
    }
    text += fmt::format(",\n  \"shards\": {}", lines_of(shards));
    auto tensors = Json::array();
    for (auto const& tensor : manifest.tensors) {
        tensors.push_back(tensor_to_json(tensor));
    }
    return text + fmt::format(",\n  \"tensors\": {}\n}}\n", lines_of(tensors));
}

Manifest parse_manifest(std::string_view text, std::string const& source) {
    auto const value = Json::parse(text, nullptr, false);
    require_data(!value.is_discarded(), "{}: not valid JSON; the file is damaged", source);
    require_data(
        value.is_object() && value.value("format", Json()) == kFormat,
        "{}: is no manifest of a checkpoint (\"format\" is not \"{}\")", source, kFormat
    );
    auto const schema = value.value("schema", Json());
    require_data(
        schema == kSchema, "{}: schema {}; this program reads schema {}", source, schema.dump(),
        kSchema
    );
    FaultList faults(source);
    auto manifest = manifest_from_json(value, faults);
    faults.throw_if_any();  // the rest would only repeat what is broken already
    for (auto const& problem : problems(manifest.config)) {
        faults.add("{}", problem);
    }
    faults.throw_if_any();
    check_shards(manifest, faults);
    check_tensors(manifest, faults);
    faults.throw_if_any();
    return manifest;
}

StoredCheckpoint read_checkpoint(std::filesystem::path const& folder) {
    auto const path = folder / "manifest.json";
    auto const text = read_text(path);
    StoredCheckpoint checkpoint{folder, parse_manifest(text, path.string()), sha256(text)};
    FaultList faults(folder.string());
    for (auto const& shard : checkpoint.manifest.shards) {
        std::error_code error;
        auto const bytes = std::filesystem::file_size(folder / shard.file, error);
        if (error) {
            faults.add("{}: {}", shard.file, error.message());
        } else if (bytes != static_cast<std::uintmax_t>(shard.bytes)) {
            faults.add("{}: has {} bytes, the manifest says {}", shard.file, bytes, shard.bytes);
        }
    }
    faults.throw_if_any();
    return checkpoint;
}

}  // namespace isogloss
