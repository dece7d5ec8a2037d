// corpus/pair_table.h - from two numbers to two others, by open addressing.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

namespace isogloss {

/// What a merge loop asks at every step: (left token, right token) -> (rank, merged token). Also
/// the edges of a trie: (node, byte) -> (node, -). Keys are not negative.
class PairTable {
public:
    struct Value {
        std::int32_t first = 0;
        std::int32_t second = 0;
    };

    /// Room for `count` pairs without moving them.
    void reserve(std::size_t count) {
        std::size_t slots = 16;
        while (slots < count * 2) {
            slots *= 2;
        }
        if (slots > slots_.size()) {
            grow(slots);
        }
    }

    /// Sets the value of a pair; a pair met before gets the new one.
    void set(std::int32_t left, std::int32_t right, Value value) {
        reserve(size_ + 1);
        auto& slot = slots_[place_of(key_of(left, right))];
        size_ += slot.key == kFree ? 1U : 0U;
        slot = {key_of(left, right), value};
    }

    /// nullptr when the pair has no value.
    [[nodiscard]] Value const* find(std::int32_t left, std::int32_t right) const {
        if (slots_.empty()) {
            return nullptr;
        }
        auto const& slot = slots_[place_of(key_of(left, right))];
        return slot.key == kFree ? nullptr : &slot.value;
    }

    [[nodiscard]] std::size_t size() const { return size_; }

private:
    static constexpr std::uint64_t kFree = ~std::uint64_t{0};
    struct Slot {
        std::uint64_t key = kFree;
        Value value{};
    };

    static std::uint64_t key_of(std::int32_t left, std::int32_t right) {
        return (std::uint64_t{static_cast<std::uint32_t>(left)} << 32U) |
               static_cast<std::uint32_t>(right);
    }

    // The slot of the key, or the free one where it would be.
    [[nodiscard]] std::size_t place_of(std::uint64_t key) const {
        auto const mixed = (key ^ (key >> 29U)) * 0x9E3779B97F4A7C15U;
        auto const mask = slots_.size() - 1;
        auto place = static_cast<std::size_t>(mixed >> 32U) & mask;
        while (slots_[place].key != kFree && slots_[place].key != key) {
            place = (place + 1) & mask;
        }
        return place;
    }

    void grow(std::size_t slots) {
        std::vector<Slot> old(slots);
        old.swap(slots_);
        for (auto const& slot : old) {
            if (slot.key != kFree) {
                slots_[place_of(slot.key)] = slot;
            }
        }
    }

    std::vector<Slot> slots_;
    std::size_t size_ = 0;
};

}  // namespace isogloss
