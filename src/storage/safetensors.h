// storage/safetensors.h - named tensors of one safetensors file, mapped into memory.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "storage/mapped_file.h"

namespace isogloss {

/// Element types that the format knows, little-endian.
enum class ForeignType : std::uint8_t {
    f64,
    f32,
    f16,
    bf16,
    f8_e5m2,
    f8_e4m3,
    i64,
    i32,
    i16,
    i8,
    u64,
    u32,
    u16,
    u8,
    boolean
};

/// "F32", "BF16", ...: as files write it.
char const* name_of(ForeignType type);
std::optional<ForeignType> foreign_type(std::string_view name);
std::int64_t bytes_of(ForeignType type);

/// What a header says about one tensor.
struct ForeignTensor {
    std::string name;
    ForeignType type = ForeignType::f32;
    std::vector<std::int64_t> shape;  ///< empty: one element
    std::int64_t begin = 0;           ///< first byte, from the beginning of the file's data
    std::int64_t end = 0;             ///< byte after the last

    bool operator==(ForeignTensor const&) const = default;
};

/// Most bytes of a header, as the format says.
constexpr std::int64_t kMostHeaderBytes = 100'000'000;
/// Most tensors of a file: far above any model.
constexpr std::size_t kMostForeignTensors = 1'000'000;

/// Reads the JSON of a header: {"NAME": {"dtype": "F32", "shape": [..], "data_offsets": [b, e]}}.
/// @param data_bytes  of the file after its header
/// @return tensors in the order of their bytes
/// @throws Error  (data) with `source` and the tensor's name: no JSON, keys that are unknown or
///         missing, names twice, types that are unknown, a span that is not that of the shape,
///         leaves the file, overlaps another or leaves a gap, too many tensors
std::vector<ForeignTensor> parse_safetensors_header(
    std::string_view text, std::int64_t data_bytes, std::string const& source
);

/// Eight bytes of the header's length, the header, the data. Any thread may read it.
class SafetensorsFile {
public:
    /// @throws Error  (data) as parse_safetensors_header, and when the header leaves the file
    explicit SafetensorsFile(std::filesystem::path const& path);

    [[nodiscard]] std::filesystem::path const& path() const { return path_; }
    /// In the order of their bytes.
    [[nodiscard]] std::span<ForeignTensor const> tensors() const { return tensors_; }
    /// Null when there is none of this name.
    [[nodiscard]] ForeignTensor const* find(std::string_view name) const;
    /// Row-major; may begin at any byte, so elements are copied, not cast.
    [[nodiscard]] std::span<std::byte const> bytes(ForeignTensor const& tensor) const;

private:
    std::filesystem::path path_;
    MappedFile file_;
    std::int64_t data_begin_ = 0;
    std::vector<ForeignTensor> tensors_;
    std::unordered_map<std::string_view, std::size_t> index_;  ///< for finding only
};

}  // namespace isogloss
