// corpus/json_field.cpp
#include "corpus/json_field.h"

#include <cstddef>
#include <utility>

#include "base/json.h"

namespace isogloss {
namespace {

// What nlohmann-json's parser calls as it meets values. Each answer is "go on".
class FieldReader {
public:
    FieldReader(std::string const& field, std::string& out) : field_(field), out_(out) {}

    [[nodiscard]] bool found() const { return is_found_; }

    bool null() { return value(); }
    bool boolean(bool /*value*/) { return value(); }
    bool number_integer(Json::number_integer_t /*value*/) { return value(); }
    bool number_unsigned(Json::number_unsigned_t /*value*/) { return value(); }
    bool number_float(Json::number_float_t /*value*/, std::string const& /*text*/) {
        return value();
    }
    bool binary(Json::binary_t& /*value*/) { return value(); }
    bool string(std::string& text) {
        bool const is_field = is_named_;
        value();
        if (is_field) {
            std::swap(out_, text);
            is_found_ = true;
        }
        return true;
    }
    bool start_object(std::size_t /*elements*/) {
        value();
        is_object_ = is_object_ || depth_ == 0;
        ++depth_;
        return true;
    }
    bool start_array(std::size_t /*elements*/) {
        value();
        ++depth_;
        return true;
    }
    bool key(std::string const& name) {
        is_named_ = is_object_ && depth_ == 1 && name == field_;
        return true;
    }
    bool end_object() { return leave(); }
    bool end_array() { return leave(); }
    bool
    parse_error(std::size_t /*position*/, std::string const& /*token*/, nlohmann::json::exception const&) {
        return false;
    }

private:
    // A value under the name replaces one before it.
    bool value() {
        is_found_ = is_found_ && !is_named_;
        is_named_ = false;
        return true;
    }
    bool leave() {
        --depth_;
        return true;
    }

    std::string const& field_;
    std::string& out_;
    std::int64_t depth_ = 0;
    bool is_object_ = false;  ///< the line as a whole
    bool is_named_ = false;   ///< the next value has the field's name
    bool is_found_ = false;
};

}  // namespace

FieldState read_json_field(std::string_view line, std::string const& field, std::string& out) {
    FieldReader reader(field, out);
    if (!Json::sax_parse(line.begin(), line.end(), &reader)) {
        return FieldState::wrong_json;
    }
    return reader.found() ? FieldState::found : FieldState::missing;
}

}  // namespace isogloss
