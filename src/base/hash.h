// base/hash.h - SHA-256 of bytes and files: names content in manifests and corpora.
#pragma once

#include <cstddef>
#include <filesystem>
#include <memory>
#include <string>
#include <string_view>

namespace isogloss {

/// SHA-256 fed piece by piece.
class Sha256 {
public:
    Sha256();
    void update(void const* data, std::size_t bytes);
    /// 64 lower-case hexadecimal digits. Call once.
    [[nodiscard]] std::string finish();

private:
    struct Free {
        void operator()(void* context) const noexcept;
    };
    std::unique_ptr<void, Free> context_;
};

std::string sha256(std::string_view bytes);

/// @throws Error  (data) when the file cannot be read to its end
std::string sha256_file(std::filesystem::path const& path);

}  // namespace isogloss
