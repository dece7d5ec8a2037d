// checkpoint/manifest_json.cpp
#include "checkpoint/manifest_json.h"

#include <fmt/format.h>

#include <algorithm>
#include <string>
#include <string_view>

#include "checkpoint/config_json.h"
#include "checkpoint/json_fields.h"

namespace isogloss {
namespace {

bool is_sha256(std::string_view text) {
    return text.size() == 64 && std::ranges::all_of(text, [](char c) {
               return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f');
           });
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
        if (value["tokenizer"].contains("separator")) {  // checkpoints of before have none
            tokenizer.read("separator", info.separator);
        }
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
}  // namespace

Json info_to_json(CheckpointInfo const& info) {
    Json parent = nullptr;
    if (info.parent) {
        parent =
            Json{{"path", info.parent->path}, {"manifest_sha256", info.parent->manifest_sha256}};
    }
    Json tokenizer{{"kind", info.tokenizer_kind}, {"sha256", info.tokenizer_sha256}};
    if (info.separator >= 0) {
        tokenizer["separator"] = info.separator;
    }
    return Json{
        {"step", info.step},
        {"tokens_seen", info.tokens_seen},
        {"optimizer_step", info.optimizer_step},
        {"tokenizer", std::move(tokenizer)},
        {"languages", info.languages},
        {"parent", parent},
        {"options", info.options}};
}

Json tensor_to_json(TensorRecord const& tensor) {
    return Json{
        {"name", tensor.name},
        {"shape", tensor.shape},
        {"dtype", name_of(tensor.dtype)},
        {"shard", tensor.shard},
        {"sha256", tensor.sha256}};
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

}  // namespace isogloss
