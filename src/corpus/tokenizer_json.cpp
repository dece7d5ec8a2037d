// corpus/tokenizer_json.cpp
#include "corpus/tokenizer_json.h"

#include "base/require.h"

namespace isogloss {
namespace {

using Event = Json::parse_event_t;

constexpr int kDeepestLevel = 64;
constexpr std::size_t kMostKeys = 10'000;  // of an object; they are searched one by one
constexpr int kModelKeys = 2;              // depth of the keys of "model"

// Looks at each event of the parser; what belongs to the long lists is taken out.
class ListReader {
public:
    ListReader(TokenizerJson& out, std::string const& where) : out_(out), where_(where) {}

    // True: the value stays in the tree.
    bool operator()(int depth, Event event, Json& value) {
        require_data(depth < kDeepestLevel, "{}: more than {} levels deep", where_, kDeepestLevel);
        switch (event) {
            case Event::key: return take_key(depth, value);
            case Event::value: return take_value(depth, value);
            case Event::object_start:
            case Event::array_start: return begin(depth, event);
            default: return end(depth);
        }
    }

private:
    enum class List : std::uint8_t { none, tokens, merges };

    void check(bool condition, std::string_view fault) const {
        require_data(condition, "{}: model: {}", where_, fault);
    }

    bool take_key(int depth, Json& value) {
        auto const& key = value.get_ref<std::string const&>();
        if (list_ != List::none && depth > kModelKeys) {
            check(list_ == List::tokens && is_map_ && depth == kModelKeys + 1, "a list with keys");
            token_ = key;
            return false;
        }
        keys_.resize(static_cast<std::size_t>(depth) + 1);
        auto& count = keys_[static_cast<std::size_t>(depth)];
        require_data(++count <= kMostKeys, "{}: an object with over {} keys", where_, kMostKeys);
        if (depth == 1) {
            is_model_ = key == "model";
        }
        list_ = !is_model_ || depth != kModelKeys ? List::none
                : key == "vocab"                  ? List::tokens
                : key == "merges"                 ? List::merges
                                                  : List::none;
        check(list_ == List::none || list_ != last_list_, "a list twice");
        last_list_ = list_ == List::none ? last_list_ : list_;
        return true;
    }

    bool begin(int depth, Event event) {
        if (list_ == List::none) {
            return true;
        }
        bool const is_list = event == Event::array_start;
        if (depth == kModelKeys) {
            is_map_ = !is_list;
            check(is_list || list_ == List::tokens, "merges are no list");
        } else {
            check(is_list && !is_map_ && depth == kModelKeys + 1, "a list within a list");
            parts_ = 0;
        }
        return true;
    }

    // The entries of a list leave nothing in the tree; of the list itself its empty brackets stay.
    bool end(int depth) {
        if (list_ == List::none) {
            return true;
        }
        if (depth == kModelKeys) {
            list_ = List::none;
            return true;
        }
        check(parts_ == 2, "an entry that is no pair");
        return false;
    }

    bool take_value(int depth, Json& value) {
        if (list_ == List::none || depth <= kModelKeys) {
            return true;
        }
        if (is_map_) {
            check(value.is_number_unsigned(), "an id that is no whole number: " + token_);
            auto const id = value.get<std::uint64_t>();
            out_.tokens.emplace_back(
                token_, static_cast<std::int64_t>(std::min<std::uint64_t>(id, INT64_MAX))
            );
            return true;  // its key was left out, so it stays nowhere
        }
        if (depth == kModelKeys + 1) {
            take_merge(value);
        } else {
            take_part(value);
        }
        return false;
    }

    // "left right", as older files have it.
    void take_merge(Json const& value) {
        check(list_ == List::merges && value.is_string(), "an entry that is no pair");
        auto const& text = value.get_ref<std::string const&>();
        if (text.starts_with("#version")) {
            return;
        }
        auto const blank = text.find(' ');
        check(
            blank != std::string::npos && text.find(' ', blank + 1) == std::string::npos,
            "a merge that is not two tokens: \"" + text + "\""
        );
        out_.merges.emplace_back(text.substr(0, blank), text.substr(blank + 1));
    }

    // Half of ["left", "right"], or of ["token", score].
    void take_part(Json const& value) {
        ++parts_;
        check(parts_ <= 2, "an entry that is no pair");
        if (list_ == List::tokens && parts_ == 2) {
            check(value.is_number(), "a score that is no number");
            out_.scores.emplace_back(token_, value.get<double>());
            return;
        }
        check(value.is_string(), "a token that is no text");
        if (parts_ == 1) {
            token_ = value.get<std::string>();
        } else {
            out_.merges.emplace_back(token_, value.get<std::string>());
        }
    }

    TokenizerJson& out_;
    std::string const& where_;
    std::vector<std::size_t> keys_;  // met so far at each depth
    bool is_model_ = false;
    bool is_map_ = false;
    List list_ = List::none;
    List last_list_ = List::none;
    std::string token_;
    int parts_ = 0;
};

}  // namespace

TokenizerJson read_tokenizer_json(std::string_view file, std::string const& where) {
    TokenizerJson result;
    ListReader reader(result, where);
    try {
        result.rest = Json::parse(file, std::ref(reader));
    } catch (nlohmann::json::exception const& error) {
        fail(Exit::data, "{}: is no JSON: {}", where, error.what());
    }
    require_data(result.rest.is_object(), "{}: is no JSON object", where);
    return result;
}

}  // namespace isogloss
