// checkpoint/json_fields.h - reads the values of a JSON object and lists what is wrong with them.
#pragma once

#include <fmt/format.h>

#include <cstdint>
#include <limits>
#include <string>
#include <utility>
#include <vector>

#include "base/json.h"

namespace isogloss {

/// Reads keys of one object that an unknown hand may have written. Nothing throws: a key that is
/// missing or of another kind leaves its target as it is and adds a sentence to the faults.
class JsonFields {
public:
    /// @param where  "manifest.json: tensors[3]", begins each fault
    JsonFields(Json const& object, std::string where, std::vector<std::string>& faults)
        : object_(object), where_(std::move(where)), faults_(faults) {
        if (!object_.is_object()) {
            fault("is no object");
        }
    }

    void read(char const* key, std::string& target) {
        if (auto const* value = find(key); value != nullptr) {
            value->is_string() ? void(target = value->get<std::string>())
                               : fault(fmt::format("\"{}\" is no text", key));
        }
    }
    void read(char const* key, bool& target) {
        if (auto const* value = find(key); value != nullptr) {
            value->is_boolean() ? void(target = value->get<bool>())
                                : fault(fmt::format("\"{}\" is neither true nor false", key));
        }
    }
    void read(char const* key, float& target) {
        if (auto const* value = find(key); value != nullptr) {
            value->is_number() ? void(target = value->get<float>())
                               : fault(fmt::format("\"{}\" is no number", key));
        }
    }
    /// A whole number in [least, most]; `most` keeps products of a few extents within 64 bits.
    void read(
        char const* key,
        std::int64_t& target,
        std::int64_t least = 0,
        std::int64_t most = std::numeric_limits<std::int64_t>::max()
    ) {
        auto const* value = find(key);
        if (value == nullptr) {
            return;
        }
        if (!is_integer(*value) || value->get<std::int64_t>() < least ||
            value->get<std::int64_t>() > most) {
            fault(fmt::format(
                "\"{}\" = {}: must be a whole number in [{}, {}]", key, value->dump(), least, most
            ));
            return;
        }
        target = value->get<std::int64_t>();
    }
    void read(char const* key, std::int32_t& target, std::int32_t least = 0) {
        std::int64_t wide = target;
        read(key, wide, least, std::numeric_limits<std::int32_t>::max());
        target = static_cast<std::int32_t>(wide);
    }

    /// The array at `key`, or an empty one.
    [[nodiscard]] Json const& array(char const* key) {
        static Json const kEmpty = Json::array();
        auto const* value = find(key);
        if (value != nullptr && !value->is_array()) {
            fault(fmt::format("\"{}\" is no list", key));
            return kEmpty;
        }
        return value == nullptr ? kEmpty : *value;
    }

    void fault(std::string const& text) { faults_.push_back(where_ + ": " + text); }

    /// A whole number that 64 signed bits hold.
    static bool is_integer(Json const& value) {
        return value.is_number_integer() &&
               (!value.is_number_unsigned() ||
                value.get<std::uint64_t>() <=
                    static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max()));
    }

private:
    Json const* find(char const* key) {
        if (!object_.is_object()) {
            return nullptr;
        }
        auto const found = object_.find(key);
        if (found == object_.end()) {
            fault(fmt::format("the key \"{}\" is missing", key));
            return nullptr;
        }
        return &*found;
    }

    Json const& object_;
    std::string where_;
    std::vector<std::string>& faults_;
};

}  // namespace isogloss
