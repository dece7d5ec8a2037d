// base/hash.cpp
#include "base/hash.h"

#include <openssl/evp.h>

#include <array>
#include <fstream>
#include <vector>

#include "base/require.h"

namespace isogloss {
namespace {

EVP_MD_CTX* as_context(void* context) {
    return static_cast<EVP_MD_CTX*>(context);
}

}  // namespace

void Sha256::Free::operator()(void* context) const noexcept {
    EVP_MD_CTX_free(as_context(context));
}

Sha256::Sha256() : context_(EVP_MD_CTX_new()) {
    require_environment(
        context_ != nullptr &&
            EVP_DigestInit_ex(as_context(context_.get()), EVP_sha256(), nullptr) == 1,
        "OpenSSL cannot start SHA-256; check the installed libcrypto"
    );
}

void Sha256::update(void const* data, std::size_t bytes) {
    require(
        EVP_DigestUpdate(as_context(context_.get()), data, bytes) == 1,
        "SHA-256 of {} bytes failed", bytes
    );
}

std::string Sha256::finish() {
    std::array<unsigned char, EVP_MAX_MD_SIZE> digest{};
    unsigned int length = 0;
    require(
        EVP_DigestFinal_ex(as_context(context_.get()), digest.data(), &length) == 1,
        "SHA-256 could not be finished"
    );
    std::string text;
    for (unsigned int i = 0; i < length; ++i) {
        text += fmt::format("{:02x}", digest[i]);
    }
    return text;
}

std::string sha256(std::string_view bytes) {
    Sha256 hash;
    hash.update(bytes.data(), bytes.size());
    return hash.finish();
}

std::string sha256_file(std::filesystem::path const& path) {
    std::ifstream file(path, std::ios::binary);
    require_data(file.is_open(), "{}: cannot be opened for reading", path.string());
    Sha256 hash;
    std::vector<char> block(std::size_t{1} << 20U);
    while (file) {
        file.read(block.data(), static_cast<std::streamsize>(block.size()));
        hash.update(block.data(), static_cast<std::size_t>(file.gcount()));
    }
    require_data(file.eof(), "{}: reading failed before the end of the file", path.string());
    return hash.finish();
}

}  // namespace isogloss
