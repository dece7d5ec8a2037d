// storage/safetensors_index.h - which safetensors file of a folder holds which tensor.
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "storage/safetensors.h"

namespace isogloss {

/// Tensor -> file, as model.safetensors.index.json says.
using WeightMap = std::map<std::string, std::string, std::less<>>;

/// @throws Error  (data) with `source` and the tensor's name: no JSON, a name listed twice, a file
///         that is not NAME.safetensors of letters, digits, '.', '_' and '-' (so none leaves the
///         folder)
WeightMap parse_safetensors_index(std::string_view text, std::string const& source);

/// Text of model.safetensors.index.json.
std::string safetensors_index_text(WeightMap const& files, std::int64_t tensor_bytes);

/// The tensors of a folder with model.safetensors, or with an index and the files it names.
class SafetensorsFolder {
public:
    struct Found {
        SafetensorsFile const* file = nullptr;  ///< null: there is no such tensor
        ForeignTensor const* tensor = nullptr;
    };

    /// @throws Error  (data) when a file is missing or damaged, or the index is not what the files
    ///         hold, with the tensor's name
    explicit SafetensorsFolder(std::filesystem::path const& folder);

    [[nodiscard]] Found find(std::string_view name) const;
    /// Of all files, by name.
    [[nodiscard]] std::vector<std::string_view> names() const;

private:
    void open(std::filesystem::path const& path);

    std::vector<SafetensorsFile> files_;
    std::map<std::string_view, Found> tensors_;
};

}  // namespace isogloss
