// storage/safetensors_writer.h - named tensors into one safetensors file, from first byte to last.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "base/descriptor.h"
#include "storage/safetensors.h"

namespace isogloss {

/// The header is written first, so all tensors are known before any of their bytes.
class SafetensorsWriter {
public:
    /// Texts of the header's "__metadata__".
    using Metadata = std::vector<std::pair<std::string, std::string>>;

    /// Lays the tensors out in this order (wide elements first keeps all aligned); the offsets they
    /// come with are not looked at.
    /// @throws Error  (environment)
    SafetensorsWriter(
        std::filesystem::path const& path,
        std::vector<ForeignTensor> tensors,
        Metadata const& metadata = {}
    );

    /// The next bytes, whatever tensor they belong to.
    void append(std::span<std::byte const> bytes);

    /// Flushes the file to disk and closes it. Call once, last; all bytes must have come.
    void finish();

private:
    std::filesystem::path path_;
    Descriptor file_;
    std::int64_t missing_ = 0;  ///< bytes still to come
};

}  // namespace isogloss
