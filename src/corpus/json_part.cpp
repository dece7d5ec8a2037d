// corpus/json_part.cpp
#include "corpus/json_part.h"

#include <algorithm>
#include <utility>

#include "base/require.h"
#include "corpus/utf8.h"

namespace isogloss {

JsonPart::JsonPart(Json const& value, std::string where) : value_(value), where_(std::move(where)) {
    require_data(value.is_object(), "{}: is {}, not an object", where_, value.type_name());
}

Json const* JsonPart::optional(char const* key) {
    known_.emplace_back(key);
    auto const found = value_.find(key);
    return found == value_.end() ? nullptr : &*found;
}

Json const& JsonPart::required(char const* key) {
    auto const* const value = optional(key);
    require_data(value != nullptr, "{}: the key \"{}\" is missing", where_, key);
    return *value;
}

std::string JsonPart::text(char const* key) {
    auto result = optional_text(key);
    require_data(result.has_value(), "{}: the key \"{}\" is missing", where_, key);
    return std::move(*result);
}

std::optional<std::string> JsonPart::optional_text(char const* key) {
    auto const* const value = optional(key);
    if (value == nullptr || value->is_null()) {
        return std::nullopt;
    }
    require_data(
        value->is_string(), "{}: \"{}\" is {}, not a text", where_, key, value->type_name()
    );
    return value->get<std::string>();
}

bool JsonPart::flag(char const* key, bool otherwise) {
    auto const* const value = optional(key);
    if (value == nullptr) {
        return otherwise;
    }
    require_data(
        value->is_boolean(), "{}: \"{}\" is {}, not true or false", where_, key, value->type_name()
    );
    return value->get<bool>();
}

std::int64_t JsonPart::count(char const* key) {
    auto const& value = required(key);
    require_data(
        value.is_number_unsigned() && value.get<std::uint64_t>() <= INT32_MAX,
        "{}: \"{}\" is {}, not a whole number below 2^31", where_, key, value.dump()
    );
    return value.get<std::int64_t>();
}

char32_t JsonPart::character(char const* key) {
    auto const text = this->text(key);
    bool const is_one = !text.empty() && character_at(text, 0).bytes == text.size();
    require_data(is_one, "{}: \"{}\" is \"{}\", not one character", where_, key, text);
    return character_at(text, 0).value;
}

void JsonPart::ignore(char const* key) {
    known_.emplace_back(key);
}

void JsonPart::finish() const {
    for (auto const& [key, value] : value_.items()) {
        require_data(
            std::ranges::find(known_, key) != known_.end(), "{}: the key \"{}\" is not understood",
            where_, key
        );
    }
}

}  // namespace isogloss
