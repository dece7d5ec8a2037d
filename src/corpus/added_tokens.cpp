// corpus/added_tokens.cpp
#include "corpus/added_tokens.h"

#include <algorithm>

#include "corpus/character_class.h"
#include "corpus/utf8.h"

namespace isogloss {
namespace {

// Where the character that ends before byte `end` begins; end > 0.
std::size_t before(std::string_view text, std::size_t end) {
    auto at = end - 1;
    while (at > 0 && (static_cast<unsigned char>(text[at]) & 0xC0U) == 0x80U) {
        --at;
    }
    return at;
}

bool is_single_word(std::string_view text, std::size_t begin, std::size_t end) {
    bool const follows_word =
        begin > 0 && is_word_letter(character_at(text, before(text, begin)).value);
    bool const precedes_word = end < text.size() && is_word_letter(character_at(text, end).value);
    return !follows_word && !precedes_word;
}

std::size_t skip_white_left(std::string_view text, std::size_t begin) {
    while (begin > 0 && is_white(character_at(text, before(text, begin)).value)) {
        begin = before(text, begin);
    }
    return begin;
}

std::size_t skip_white_right(std::string_view text, std::size_t end) {
    while (end < text.size() && is_white(character_at(text, end).value)) {
        end += character_at(text, end).bytes;
    }
    return end;
}

}  // namespace

void AddedTokens::add(AddedToken const& token, std::string_view form) {
    if (at_node_.empty()) {
        at_node_.push_back(-1);
    }
    std::int32_t node = 0;
    for (char const c : form) {
        auto const byte = static_cast<unsigned char>(c);
        auto const* edge = edges_.find(node, byte);
        if (edge == nullptr) {
            edges_.set(node, byte, {static_cast<std::int32_t>(at_node_.size()), 0});
            at_node_.push_back(-1);
            edge = edges_.find(node, byte);
        }
        node = edge->first;
    }
    begins_[static_cast<unsigned char>(form.front())] = true;
    auto& index = at_node_[static_cast<std::size_t>(node)];
    if (index < 0) {
        index = static_cast<std::int32_t>(tokens_.size());
        tokens_.push_back(token);
    }
}

AddedTokens::Found AddedTokens::longest_at(std::string_view text, std::size_t at) const {
    Found found;
    std::int32_t node = 0;
    for (; at < text.size(); ++at) {
        auto const* const edge = edges_.find(node, static_cast<unsigned char>(text[at]));
        if (edge == nullptr) {
            break;
        }
        node = edge->first;
        auto const index = at_node_[static_cast<std::size_t>(node)];
        if (index >= 0) {
            found = {at + 1, &tokens_[static_cast<std::size_t>(index)]};
        }
    }
    return found;
}

void AddedTokens::split(std::string_view text, std::int32_t hidden, std::vector<TextSpan>& out)
    const {
    out.clear();
    std::size_t done = 0;
    for (std::size_t at = 0; at < text.size() && !tokens_.empty();) {
        auto const found =
            begins_[static_cast<unsigned char>(text[at])] ? longest_at(text, at) : Found{};
        if (found.token == nullptr) {
            ++at;
            continue;
        }
        auto begin = at;
        auto end = found.end;
        at = found.end;
        auto const& token = *found.token;
        if (token.id == hidden || (token.single_word && !is_single_word(text, begin, end))) {
            continue;
        }
        // Blanks that the token before took along may be a token themselves: both count.
        begin = token.lstrip ? std::max(skip_white_left(text, begin), done) : begin;
        end = token.rstrip ? skip_white_right(text, end) : end;
        if (done < begin) {
            out.push_back({done, begin, TextSpan::kText});
        }
        out.push_back({begin, end, token.id});
        done = end;
    }
    if (done < text.size()) {
        out.push_back({done, text.size(), TextSpan::kText});
    }
}

}  // namespace isogloss
