// corpus/bpe.cpp
#include "corpus/bpe.h"

#include <fmt/format.h>

#include <algorithm>
#include <limits>

#include "base/require.h"
#include "corpus/json_part.h"
#include "corpus/spelling.h"
#include "corpus/utf8.h"

namespace isogloss {
namespace {

constexpr std::int32_t kNoRank = std::numeric_limits<std::int32_t>::max();
constexpr std::int32_t kNone = -1;
constexpr std::size_t kShort = 48;  // symbols up to which looking at all beats a heap

// Does a token have the mark behind another character?
bool has_inner_mark(std::string_view token) {
    for (auto at = token.find(kSpaceMark); at != std::string_view::npos;
         at = token.find(kSpaceMark, at + 1)) {
        if (at > 0 && !token.substr(0, at).ends_with(kSpaceMark)) {
            return true;
        }
    }
    return false;
}

bool is_later(Bpe::Space::Candidate const& a, Bpe::Space::Candidate const& b) {
    return a.rank != b.rank ? a.rank > b.rank : a.at > b.at;
}

}  // namespace

Bpe::Bpe(TokenizerJson const& json, std::string const& where) {
    require_data(json.scores.empty(), "{}: the vocabulary is a list, not an object", where);
    for (auto const& [text, id] : json.tokens) {
        vocabulary_.add(text, id, where);
    }
    vocabulary_.check_range(where);
    read_options(json.rest.at("model"), where);
    read_merges(json, where);
    find_characters();
    find_byte_tokens();
}

void Bpe::read_options(Json const& model, std::string const& where) {
    JsonPart part(model, where);
    part.ignore("type");
    part.required("vocab");
    part.required("merges");
    fuses_unknown_ = part.flag("fuse_unk", false);
    falls_back_ = part.flag("byte_fallback", false);
    ignores_merges_ = part.flag("ignore_merges", false);
    prefix_ = part.optional_text("continuing_subword_prefix").value_or("");
    suffix_ = part.optional_text("end_of_word_suffix").value_or("");
    auto const* const dropout = part.optional("dropout");
    require_data(
        dropout == nullptr || dropout->is_null() || *dropout == 0,
        "{}: dropout {} makes ids random; set it to null", where,
        dropout == nullptr ? "" : dropout->dump()
    );
    if (auto const unknown = part.optional_text("unk_token"); unknown.has_value()) {
        auto const id = vocabulary_.find(*unknown);
        require_data(
            id.has_value(), "{}: the unk_token \"{}\" is not in the vocabulary", where, *unknown
        );
        unknown_ = *id;
    }
    part.finish();
}

void Bpe::read_merges(TokenizerJson const& json, std::string const& where) {
    auto const id_of = [&](std::string const& token, std::size_t rank) {
        auto const id = vocabulary_.find(token);
        require_data(
            id.has_value(), "{}: merge {} needs the token \"{}\", which is not in the vocabulary",
            where, rank, token
        );
        return *id;
    };
    require_data(json.merges.size() < kNoRank, "{}: too many merges", where);
    cuts_at_marks_ = !ignores_merges_ && prefix_.empty() && suffix_.empty() &&
                     vocabulary_.find(kSpaceMark).has_value();
    merges_.reserve(json.merges.size());
    for (std::size_t rank = 0; rank < json.merges.size(); ++rank) {
        auto const& [left, right] = json.merges[rank];
        require_data(
            right.size() >= prefix_.size(), "{}: merge {} is shorter than the subword prefix",
            where, rank
        );
        auto const merged = left + right.substr(prefix_.size());
        auto const pair = std::pair(id_of(left, rank), id_of(right, rank));
        merges_.set(
            pair.first, pair.second, {static_cast<std::int32_t>(rank), id_of(merged, rank)}
        );
        cuts_at_marks_ = cuts_at_marks_ && !has_inner_mark(merged);
    }
}

// Tokens that are one character, by its number.
void Bpe::find_characters() {
    for (std::int32_t id = 0; id < vocabulary_.size(); ++id) {
        auto const* const text = vocabulary_.text_of(id);
        if (text != nullptr && !text->empty() && character_at(*text, 0).bytes == text->size()) {
            auto const value = character_at(*text, 0).value;
            characters_.set(static_cast<std::int32_t>(value), 0, {id, 0});
        }
    }
}

void Bpe::find_byte_tokens() {
    bytes_.assign(kByteValues, kNone);
    for (std::size_t byte = 0; byte < kByteValues && falls_back_; ++byte) {
        bytes_[byte] = vocabulary_.find(fmt::format("<0x{:02X}>", byte)).value_or(kNone);
    }
}

std::size_t Bpe::next_part(std::string_view text) const {
    if (!cuts_at_marks_) {
        return text.size();
    }
    // Its bytes in any order; the mark is sought below.
    auto at = text.find_first_not_of(kSpaceMark);
    at = at == std::string_view::npos ? text.size() : at;
    at = text.find(kSpaceMark, at);
    return at == std::string_view::npos ? text.size() : at;
}

// The id of the word's character [begin, end), kNone without; its spelling is left in `spelled`.
std::int32_t Bpe::find_character(
    std::string_view word, std::size_t begin, std::size_t end, std::string& spelled
) const {
    spelled = begin == 0 ? std::string() : prefix_;
    spelled += word.substr(begin, end - begin);
    spelled += end < word.size() ? std::string() : suffix_;
    if (spelled.size() > end - begin) {
        return vocabulary_.find(spelled).value_or(kNone);
    }
    auto const value = static_cast<std::int32_t>(character_at(word, begin).value);
    auto const* const found = characters_.find(value, 0);
    return found == nullptr ? kNone : found->first;
}

// The character as its bytes, if each of them has a token.
bool Bpe::add_bytes(std::string_view character, Space& space) const {
    auto const token_of = [this](char c) { return bytes_[static_cast<unsigned char>(c)]; };
    bool const has_all =
        falls_back_ && std::ranges::all_of(character, [&](char c) { return token_of(c) >= 0; });
    for (std::size_t i = 0; has_all && i < character.size(); ++i) {
        space.symbols.push_back({.id = token_of(character[i])});
    }
    return has_all;
}

void Bpe::begin_word(std::string_view word, Space& space) const {
    space.symbols.clear();
    bool has_unknown = false;  // one that is not written yet: the next may join it
    auto const write_unknown = [&] {
        if (has_unknown) {
            space.symbols.push_back({.id = unknown_});
        }
        has_unknown = false;
    };
    for (std::size_t at = 0; at < word.size();) {
        auto const end = std::min(at + character_at(word, at).bytes, word.size());
        auto const id = find_character(word, at, end, space.text);
        if (id >= 0) {
            write_unknown();
            space.symbols.push_back({.id = id});
        } else if (add_bytes(space.text, space)) {
            // The library leaves an unknown before these bytes to be written after them.
        } else if (unknown_ >= 0) {
            if (!fuses_unknown_) {
                write_unknown();
            }
            has_unknown = true;
        }
        at = end;
    }
    write_unknown();
}

void Bpe::rank(Space& space, std::size_t at) const {
    auto& symbol = space.symbols[at];
    auto const* const merge =
        at + 1 < space.symbols.size() ? merges_.find(symbol.id, space.symbols[at + 1].id) : nullptr;
    symbol.rank = merge == nullptr ? kNoRank : merge->first;
    symbol.merged = merge == nullptr ? 0 : merge->second;
}

void Bpe::merge_short(Space& space) const {
    auto& symbols = space.symbols;
    for (std::size_t i = 0; i < symbols.size(); ++i) {
        rank(space, i);
    }
    while (symbols.size() > 1) {
        auto const best = std::ranges::min_element(symbols, {}, &Space::Symbol::rank);
        if (best->rank == kNoRank) {
            return;
        }
        auto const at = static_cast<std::size_t>(best - symbols.begin());
        best->id = best->merged;
        symbols.erase(best + 1);
        rank(space, at);
        if (at > 0) {
            rank(space, at - 1);
        }
    }
}

void Bpe::push_candidate(Space& space, std::int32_t at) const {
    auto const& left = space.symbols[static_cast<std::size_t>(at)];
    if (left.after == kNone) {
        return;
    }
    auto const right = space.symbols[static_cast<std::size_t>(left.after)].id;
    if (auto const* const merge = merges_.find(left.id, right); merge != nullptr) {
        space.candidates.push_back({merge->first, at, left.id, right});
        std::ranges::push_heap(space.candidates, is_later);
    }
}

// Symbols stay where they are, linked to their neighbours; a merged one is unlinked.
void Bpe::merge_long(Space& space) const {
    auto& symbols = space.symbols;
    auto const count = static_cast<std::int32_t>(symbols.size());
    space.candidates.clear();
    for (std::int32_t i = 0; i < count; ++i) {
        symbols[static_cast<std::size_t>(i)].before = i - 1;
        symbols[static_cast<std::size_t>(i)].after = i + 1 < count ? i + 1 : kNone;
    }
    for (std::int32_t i = 0; i < count; ++i) {
        push_candidate(space, i);
    }
    while (!space.candidates.empty()) {
        std::ranges::pop_heap(space.candidates, is_later);
        auto const next = space.candidates.back();
        space.candidates.pop_back();
        auto& left = symbols[static_cast<std::size_t>(next.at)];
        if (left.id != next.left || left.after == kNone) {
            continue;  // merged with another since
        }
        auto& right = symbols[static_cast<std::size_t>(left.after)];
        if (right.id != next.right) {
            continue;
        }
        left.id = merges_.find(next.left, next.right)->second;
        right.id = kNone;
        left.after = right.after;
        if (left.after != kNone) {
            symbols[static_cast<std::size_t>(left.after)].before = next.at;
        }
        push_candidate(space, next.at);
        if (left.before != kNone) {
            push_candidate(space, left.before);
        }
    }
    std::erase_if(symbols, [](Space::Symbol const& symbol) { return symbol.id == kNone; });
}

void Bpe::encode(std::string_view word, Space& space, std::vector<std::int32_t>& out) const {
    if (ignores_merges_) {
        if (auto const id = vocabulary_.find(word); id.has_value()) {
            out.push_back(*id);
            return;
        }
    }
    begin_word(word, space);
    if (space.symbols.size() <= kShort) {
        merge_short(space);
    } else {
        merge_long(space);
    }
    for (auto const& symbol : space.symbols) {
        out.push_back(symbol.id);
    }
}

}  // namespace isogloss
