// corpus/word_cache.cpp
#include "corpus/word_cache.h"

#include <algorithm>
#include <cstring>

namespace isogloss {
namespace {

constexpr std::size_t kMostBytes = 128;  // of a word; longer ones hardly ever come again
constexpr std::size_t kLeastSlots = std::size_t{1} << 12U;
constexpr std::size_t kMostSlots = std::size_t{1} << 18U;

std::uint64_t mixed(std::uint64_t value) {
    value = (value ^ (value >> 32U)) * 0x9E3779B97F4A7C15U;
    return value ^ (value >> 29U);
}

// Eight bytes at a time. Equal words are compared after it, so it need not be unpredictable.
std::uint64_t hash_of(std::string_view word) {
    std::uint64_t hash = word.size() * 0xD6E8FEB86659FD93U;
    while (!word.empty()) {
        std::uint64_t block = 0;
        auto const bytes = std::min(word.size(), sizeof(block));
        std::memcpy(&block, word.data(), bytes);
        hash = mixed(hash ^ block);
        word.remove_prefix(bytes);
    }
    return hash;
}

}  // namespace

// The slot of the word, or the free one where it would be.
std::size_t WordCache::place_of(std::uint64_t hash, std::string_view word) const {
    auto const mask = slots_.size() - 1;
    for (auto place = static_cast<std::size_t>(hash) & mask;; place = (place + 1) & mask) {
        auto const& slot = slots_[place];
        bool const is_word = slot.hash == hash && slot.text_size == word.size() &&
                             std::memcmp(texts_.data() + slot.text, word.data(), word.size()) == 0;
        if (slot.text_size == 0 || is_word) {
            return place;
        }
    }
}

bool WordCache::find(std::string_view word, std::vector<std::int32_t>& out) const {
    if (slots_.empty() || word.empty() || word.size() > kMostBytes) {
        return false;
    }
    auto const& slot = slots_[place_of(hash_of(word), word)];
    if (slot.text_size == 0) {
        return false;
    }
    auto const* const first = ids_.data() + slot.ids;
    out.insert(out.end(), first, first + slot.ids_size);
    return true;
}

void WordCache::keep(std::string_view word, std::span<std::int32_t const> ids) {
    if (word.empty() || word.size() > kMostBytes) {
        return;
    }
    if (size_ * 4 >= slots_.size() * 3) {
        grow();
    }
    auto const hash = hash_of(word);
    slots_[place_of(hash, word)] = {
        hash, static_cast<std::uint32_t>(texts_.size()), static_cast<std::uint32_t>(ids_.size()),
        static_cast<std::uint16_t>(word.size()), static_cast<std::uint16_t>(ids.size())};
    texts_ += word;
    ids_.insert(ids_.end(), ids.begin(), ids.end());
    ++size_;
}

void WordCache::grow() {
    if (slots_.size() >= kMostSlots) {
        std::ranges::fill(slots_, Slot{});
        texts_.clear();
        ids_.clear();
        size_ = 0;
        return;
    }
    std::vector<Slot> old(std::max(kLeastSlots, slots_.size() * 2));
    old.swap(slots_);
    for (auto const& slot : old) {
        if (slot.text_size != 0) {
            slots_[place_of(slot.hash, {texts_.data() + slot.text, slot.text_size})] = slot;
        }
    }
}

}  // namespace isogloss
