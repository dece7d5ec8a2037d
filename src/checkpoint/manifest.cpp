// checkpoint/manifest.cpp
#include "checkpoint/manifest.h"

#include <fmt/format.h>

#include <algorithm>
#include <fstream>
#include <iterator>

#include "base/hash.h"
#include "base/json.h"
#include "base/require.h"
#include "checkpoint/config_json.h"
#include "checkpoint/fault_list.h"
#include "checkpoint/manifest_check.h"
#include "checkpoint/manifest_json.h"

namespace isogloss {
namespace {

constexpr std::int64_t kSchema = 1;
constexpr char const* kFormat = "isogloss checkpoint";
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
    check_contents(manifest, faults);
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
