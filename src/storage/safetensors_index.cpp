// storage/safetensors_index.cpp
#include "storage/safetensors_index.h"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <set>
#include <utility>

#include "base/json.h"
#include "base/require.h"

namespace isogloss {
namespace {

constexpr char const* kIndex = "model.safetensors.index.json";
constexpr char const* kSingle = "model.safetensors";

bool is_safetensors_name(std::string_view name) {
    return name.ends_with(".safetensors") && name.front() != '.' && name.size() <= 255 &&
           std::ranges::all_of(name, [](unsigned char c) {
               return (c < 128 && std::isalnum(c) != 0) || c == '.' || c == '_' || c == '-';
           });
}

/// The document with brackets no deeper than an index has, and no key twice.
Json parse_flat(std::string_view text, std::string const& source) {
    constexpr int kDeepest = 3;
    std::set<std::string> names;
    auto const check = [&](int depth, Json::parse_event_t event, Json& value) {
        require_data(depth <= kDeepest, "{}: is nested deeper than an index is", source);
        if (event == Json::parse_event_t::key && depth == 2) {
            auto const& name = value.get_ref<std::string const&>();
            require_data(names.insert(name).second, "{}: {}: is listed twice", source, name);
        }
        return true;
    };
    auto document = Json::parse(text, check, false);
    require_data(!document.is_discarded(), "{}: is no JSON", source);
    return document;
}

std::string index_text(std::filesystem::path const& path) {
    MappedFile const file(path, Access::sequential);
    auto const bytes = file.bytes();
    require_data(
        std::cmp_less_equal(bytes.size(), kMostHeaderBytes), "{}: has {} bytes; the most is {}",
        path.string(), bytes.size(), kMostHeaderBytes
    );
    return {reinterpret_cast<char const*>(bytes.data()), bytes.size()};
}

}  // namespace

WeightMap parse_safetensors_index(std::string_view text, std::string const& source) {
    auto const document = parse_flat(text, source);
    require_data(
        document.is_object() && document.contains("weight_map") &&
            document["weight_map"].is_object(),
        "{}: has no \"weight_map\"", source
    );
    WeightMap files;
    for (auto const& [name, file] : document["weight_map"].items()) {
        require_data(
            file.is_string() && is_safetensors_name(file.get_ref<std::string const&>()),
            "{}: {}: lies in {}, which is no plain name of a .safetensors file", source, name,
            file.dump(-1, ' ', true, Json::error_handler_t::replace)
        );
        files.emplace(name, file.get<std::string>());
    }
    return files;
}

std::string safetensors_index_text(WeightMap const& files, std::int64_t tensor_bytes) {
    Json document{{"metadata", {{"total_size", tensor_bytes}}}, {"weight_map", Json::object()}};
    for (auto const& [name, file] : files) {
        document["weight_map"].push_back({name, file});
    }
    return document.dump(2) + "\n";
}

void SafetensorsFolder::open(std::filesystem::path const& path) {
    auto const& file = files_.emplace_back(path);
    for (auto const& tensor : file.tensors()) {
        auto const [found, is_new] = tensors_.emplace(tensor.name, Found{&file, &tensor});
        require_data(
            is_new, "{}: {}: lies in {} too", path.string(), tensor.name,
            found->second.file->path().string()
        );
    }
}

SafetensorsFolder::SafetensorsFolder(std::filesystem::path const& folder) {
    std::error_code error;
    if (!std::filesystem::exists(folder / kIndex, error)) {
        require_data(
            std::filesystem::exists(folder / kSingle, error),
            "{}: has neither {} nor {}; weights of another form (.bin, .gguf) are not read",
            folder.string(), kSingle, kIndex
        );
        files_.reserve(1);
        open(folder / kSingle);
        return;
    }
    auto const source = (folder / kIndex).string();
    auto const listed = parse_safetensors_index(index_text(folder / kIndex), source);
    std::set<std::string> names;
    for (auto const& [tensor, file] : listed) {
        names.insert(file);
    }
    files_.reserve(names.size());  // what is found points to them
    for (auto const& name : names) {
        open(folder / name);
    }
    for (auto const& [tensor, file] : listed) {
        auto const found = find(tensor);
        require_data(
            found.file != nullptr && found.file->path().filename() == file,
            "{}: {}: does not lie in {}", source, tensor, file
        );
    }
    for (auto const& [tensor, found] : tensors_) {
        require_data(
            listed.contains(tensor), "{}: {}: lies in {} and is not listed", source, tensor,
            found.file->path().filename().string()
        );
    }
}

SafetensorsFolder::Found SafetensorsFolder::find(std::string_view name) const {
    auto const found = tensors_.find(name);
    return found == tensors_.end() ? Found{} : found->second;
}

std::vector<std::string_view> SafetensorsFolder::names() const {
    std::vector<std::string_view> all;
    all.reserve(tensors_.size());
    for (auto const& [name, found] : tensors_) {
        all.push_back(name);
    }
    return all;
}

}  // namespace isogloss
