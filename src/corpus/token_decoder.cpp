// corpus/token_decoder.cpp
#include "corpus/token_decoder.h"

#include <charconv>
#include <optional>
#include <utility>

#include "base/require.h"
#include "corpus/byte_alphabet.h"
#include "corpus/json_part.h"
#include "corpus/pre_tokenizer.h"
#include "corpus/utf8.h"

namespace isogloss {
namespace {

// The byte that a token such as "<0x0A>" stands for.
std::optional<char> byte_of(std::string const& token) {
    unsigned value = 0;
    if (token.size() != 6 || !token.starts_with("<0x") || token.back() != '>') {
        return std::nullopt;
    }
    auto const read = std::from_chars(token.data() + 3, token.data() + 5, value, 16);
    bool const is_byte = read.ec == std::errc() && read.ptr == token.data() + 5;
    return is_byte ? std::optional(static_cast<char>(value)) : std::nullopt;
}

void replace_all(std::string& text, std::string_view wanted, std::string_view content) {
    std::string result;
    std::string_view rest = text;
    for (auto at = rest.find(wanted); at != std::string_view::npos; at = rest.find(wanted)) {
        result += rest.substr(0, at);
        result += content;
        rest.remove_prefix(at + wanted.size());
    }
    result += rest;
    text = result;
}

// Neighbours that stand for bytes become one token.
void join_bytes(std::vector<std::string>& tokens) {
    std::vector<std::string> result;
    bool is_open = false;
    for (auto& token : tokens) {
        auto const byte = byte_of(token);
        if (!byte.has_value()) {
            result.push_back(std::move(token));
        } else if (is_open) {
            result.back() += *byte;
        } else {
            result.emplace_back(1, *byte);
        }
        is_open = byte.has_value();
    }
    tokens.swap(result);
}

std::string joined(std::vector<std::string> const& tokens, std::string_view between) {
    std::string text;
    for (auto const& token : tokens) {
        text += &token == &tokens.front() ? std::string_view() : between;
        text += token;
    }
    return text;
}

}  // namespace

TokenDecoder TokenDecoder::read(Json const& value, std::string const& where) {
    TokenDecoder result;
    result.joins_with_blanks_ = value.is_null();
    if (!value.is_null()) {
        result.add(value, where, 0);
    }
    return result;
}

bool TokenDecoder::add_plain(std::string const& type) {
    if (type == "ByteLevel") {
        steps_.emplace_back(Change::bytes);
    } else if (type == "ByteFallback") {
        steps_.emplace_back(Change::fallback);
    } else if (type == "Fuse") {
        steps_.emplace_back(Change::fuse);
    } else {
        return false;
    }
    return true;
}

void TokenDecoder::add(Json const& value, std::string const& where, int depth) {
    require_data(
        depth < kDeepestSequence, "{}: more than {} sequences deep", where, kDeepestSequence
    );
    auto const type = JsonPart(value, where).text("type");
    JsonPart part(value, where + " " + type);
    part.ignore("type");
    if (add_plain(type)) {
        for (auto const* key : {"add_prefix_space", "trim_offsets", "use_regex"}) {
            part.ignore(key);  // ByteLevel has them where they do nothing, too
        }
    } else if (type == "Sequence") {
        auto const& parts = part.required("decoders");
        require_data(parts.is_array(), "{}: \"decoders\" is no list", part.where());
        for (auto const& inner : parts) {
            add(inner, where, depth + 1);
        }
    } else if (type == "Replace") {
        auto pattern = TextPattern::read(part.required("pattern"), part.where());
        steps_.emplace_back(Replace{std::move(pattern), part.text("content")});
    } else if (type == "Strip") {
        std::string content;
        append_utf8(content, part.character("content"));
        auto const start = part.count("start");
        steps_.emplace_back(Strip{content, start, part.count("stop")});
    } else if (type == "Metaspace") {
        for (auto const* key : {"add_prefix_space", "prepend_scheme", "str_rep", "split"}) {
            part.ignore(key);
        }
        std::string mark;
        append_utf8(mark, part.character("replacement"));
        steps_.emplace_back(Mark{mark, read_mark_first(value, part.where()) != MarkFirst::never});
    } else {
        require_data(type == "BPEDecoder", "{}: this decoder is not supported", part.where());
        steps_.emplace_back(Suffix{part.text("suffix")});
    }
    part.finish();
}

std::string TokenDecoder::decode(std::vector<std::string> tokens) const {
    for (auto const& step : steps_) {
        std::visit([&tokens](auto const& kind) { apply_step(kind, tokens); }, step);
    }
    return joined(tokens, joins_with_blanks_ ? " " : "");
}

void TokenDecoder::apply_step(Change change, Tokens& tokens) {
    if (change == Change::fallback) {
        join_bytes(tokens);
        return;
    }
    if (change == Change::bytes) {
        for (auto& token : tokens) {
            std::string bytes;
            token = read_spelled(token, bytes) ? bytes : token;
        }
    }
    tokens = {joined(tokens, "")};
}

void TokenDecoder::apply_step(Replace const& replace, Tokens& tokens) {
    for (auto& token : tokens) {
        std::string changed;
        if (is_utf8(token) && replace.pattern.replace(token, replace.content, changed)) {
            token = changed;
        }
    }
}

void TokenDecoder::apply_step(Strip const& strip, Tokens& tokens) {
    for (auto& token : tokens) {
        std::string_view text = token;
        for (std::int64_t i = 0; i < strip.start && text.starts_with(strip.content); ++i) {
            text.remove_prefix(strip.content.size());
        }
        for (std::int64_t i = 0; i < strip.stop && text.ends_with(strip.content); ++i) {
            text.remove_suffix(strip.content.size());
        }
        token = std::string(text);
    }
}

void TokenDecoder::apply_step(Mark const& mark, Tokens& tokens) {
    for (auto& token : tokens) {
        bool const is_first = &token == &tokens.front();
        replace_all(token, mark.mark, is_first && mark.is_added_first ? "" : " ");
    }
}

void TokenDecoder::apply_step(Suffix const& suffix, Tokens& tokens) {
    for (auto& token : tokens) {
        if (!suffix.text.empty()) {
            replace_all(token, suffix.text, &token == &tokens.back() ? "" : " ");
        }
    }
}

}  // namespace isogloss
