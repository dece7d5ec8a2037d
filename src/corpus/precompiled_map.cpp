// corpus/precompiled_map.cpp
#include "corpus/precompiled_map.h"

#include <openssl/evp.h>
#include <unicode/ubrk.h>
#include <unicode/utext.h>

#include <cstring>

#include "base/require.h"
#include "base/unique_handle.h"
#include "corpus/utf8.h"

namespace isogloss {
namespace {

constexpr std::size_t kWholeClusterBytes = 6;  // from here on, character by character

struct BreaksTraits {
    using type = UBreakIterator*;
    static type null() noexcept { return nullptr; }
    static void release(type breaks) noexcept { ubrk_close(breaks); }
};
struct TextTraits {
    using type = UText*;
    static type null() noexcept { return nullptr; }
    static void release(type text) noexcept { utext_close(text); }
};

std::string from_base64(std::string const& base64, std::string const& where) {
    require_data(
        !base64.empty() && base64.size() % 4 == 0 && base64.size() < INT32_MAX, "{}: is no base64",
        where
    );
    std::string bytes(base64.size() / 4 * 3, '\0');
    auto const size = EVP_DecodeBlock(
        reinterpret_cast<unsigned char*>(bytes.data()),
        reinterpret_cast<unsigned char const*>(base64.data()), static_cast<int>(base64.size())
    );
    require_data(size == static_cast<int>(bytes.size()), "{}: is no base64", where);
    auto const last = base64.find_last_not_of('=');
    auto const padding = base64.size() - (last == std::string::npos ? 0 : last + 1);
    require_data(padding <= 2, "{}: is no base64", where);
    bytes.resize(bytes.size() - padding);
    return bytes;
}

bool has_value(std::uint32_t unit) {
    return (unit >> 8U & 1U) != 0;
}
std::uint32_t value_of(std::uint32_t unit) {
    return unit & 0x7FFFFFFFU;
}
std::uint32_t label_of(std::uint32_t unit) {
    return unit & 0x800000FFU;
}
std::size_t offset_of(std::uint32_t unit) {
    return static_cast<std::size_t>(unit >> 10U) << ((unit & 0x200U) >> 6U);
}

}  // namespace

PrecompiledMap::PrecompiledMap(std::string const& base64, std::string const& where) {
    auto const bytes = from_base64(base64, where);
    std::uint32_t size = 0;
    require_data(bytes.size() >= sizeof(size), "{}: is too short", where);
    std::memcpy(&size, bytes.data(), sizeof(size));
    require_data(
        size % sizeof(std::uint32_t) == 0 && size >= sizeof(std::uint32_t) &&
            size <= bytes.size() - sizeof(size),
        "{}: a trie of {} bytes in {} bytes", where, size, bytes.size()
    );
    units_.resize(size / sizeof(std::uint32_t));
    std::memcpy(units_.data(), bytes.data() + sizeof(size), size);
    texts_ = bytes.substr(sizeof(size) + size);
    require_data(is_utf8(texts_), "{}: its texts are not UTF-8", where);
}

// The text of the shortest entry that `key` begins with. A place outside the trie is no entry.
std::optional<std::string_view> PrecompiledMap::find(std::string_view key) const {
    auto place = offset_of(units_[0]);
    for (char const c : key) {
        auto const byte = static_cast<unsigned char>(c);
        place ^= byte;
        if (byte == 0 || place >= units_.size() || label_of(units_[place]) != byte) {
            return std::nullopt;
        }
        auto const unit = units_[place];
        place ^= offset_of(unit);
        if (has_value(unit)) {
            auto const begin = place < units_.size() ? value_of(units_[place]) : texts_.size();
            bool const is_inside = begin < texts_.size();
            auto const text = std::string_view(texts_).substr(is_inside ? begin : texts_.size());
            return text.substr(0, text.find('\0'));
        }
    }
    return std::nullopt;
}

void PrecompiledMap::apply_cluster(std::string_view cluster, std::string& out) const {
    auto const whole = cluster.size() < kWholeClusterBytes ? find(cluster) : std::nullopt;
    if (whole.has_value()) {
        out += *whole;
        return;
    }
    while (!cluster.empty()) {
        auto const character = cluster.substr(0, character_at(cluster, 0).bytes);
        out += find(character).value_or(character);
        cluster.remove_prefix(character.size());
    }
}

void PrecompiledMap::apply(std::string_view text, std::string& out) const {
    UErrorCode status = U_ZERO_ERROR;
    UniqueHandle<TextTraits> const view(
        utext_openUTF8(nullptr, text.data(), static_cast<std::int64_t>(text.size()), &status)
    );
    UniqueHandle<BreaksTraits> const breaks(ubrk_open(UBRK_CHARACTER, "", nullptr, 0, &status));
    ubrk_setUText(breaks.get(), view.get(), &status);
    require_environment(
        U_SUCCESS(status) != 0, "ICU has no grapheme clusters: {}", u_errorName(status)
    );
    std::size_t begin = 0;
    for (auto next = ubrk_next(breaks.get()); next != UBRK_DONE; next = ubrk_next(breaks.get())) {
        auto const end = static_cast<std::size_t>(next);
        apply_cluster(text.substr(begin, end - begin), out);
        begin = end;
    }
}

}  // namespace isogloss
