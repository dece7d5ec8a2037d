// storage/safetensors_writer.cpp
#include "storage/safetensors_writer.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <functional>
#include <numeric>

#include "base/json.h"
#include "base/require.h"

namespace isogloss {
namespace {

void write_all(int file, void const* data, std::size_t bytes, std::filesystem::path const& path) {
    auto const* next = static_cast<char const*>(data);
    while (bytes > 0) {
        auto const written = ::write(file, next, bytes);
        if (written < 0 && errno == EINTR) {
            continue;
        }
        require_environment(
            written > 0, "{}: cannot be written: {}", path.string(), std::strerror(errno)
        );
        next += written;
        bytes -= static_cast<std::size_t>(written);
    }
}

/// Places the tensors and returns the header, filled with blanks to a whole number of 8 bytes.
std::string header_of(
    std::vector<ForeignTensor>& tensors, SafetensorsWriter::Metadata const& metadata
) {
    Json header = Json::object();
    if (!metadata.empty()) {
        auto& texts = header["__metadata__"] = Json::object();
        for (auto const& [key, text] : metadata) {
            texts[key] = text;
        }
    }
    std::int64_t place = 0;
    for (auto& tensor : tensors) {
        tensor.begin = place;
        tensor.end = place + std::accumulate(
                                 tensor.shape.begin(), tensor.shape.end(), bytes_of(tensor.type),
                                 std::multiplies<>()
                             );
        place = tensor.end;
        header.push_back(
            {tensor.name,
             {{"dtype", name_of(tensor.type)},
              {"shape", tensor.shape},
              {"data_offsets", {tensor.begin, tensor.end}}}}
        );
    }
    auto text = header.dump();
    text.resize((text.size() + 7) / 8 * 8, ' ');
    return text;
}

}  // namespace

SafetensorsWriter::SafetensorsWriter(
    std::filesystem::path const& path, std::vector<ForeignTensor> tensors, Metadata const& metadata
)
    : path_(path), file_(::open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644)) {
    require_environment(
        file_.get() >= 0, "{}: cannot be made: {}", path.string(), std::strerror(errno)
    );
    auto const header = header_of(tensors, metadata);
    std::uint64_t const length = header.size();
    write_all(file_.get(), &length, sizeof(length), path_);
    write_all(file_.get(), header.data(), header.size(), path_);
    missing_ = tensors.empty() ? 0 : tensors.back().end;
}

void SafetensorsWriter::append(std::span<std::byte const> bytes) {
    missing_ -= static_cast<std::int64_t>(bytes.size());
    require(missing_ >= 0, "{}: {} bytes more than its tensors have", path_.string(), -missing_);
    write_all(file_.get(), bytes.data(), bytes.size(), path_);
}

void SafetensorsWriter::finish() {
    require(missing_ == 0, "{}: {} bytes of its tensors are missing", path_.string(), missing_);
    require_environment(
        ::fsync(file_.get()) == 0, "{}: cannot be flushed: {}", path_.string(), std::strerror(errno)
    );
    file_ = {};
}

}  // namespace isogloss
