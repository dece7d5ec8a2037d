// corpus/unigram.cpp
#include "corpus/unigram.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "base/require.h"
#include "corpus/json_part.h"
#include "corpus/spelling.h"
#include "corpus/utf8.h"

namespace isogloss {
namespace {

constexpr double kUnknownPenalty = 10.0;
constexpr std::int32_t kNoPiece = -1;

}  // namespace

Unigram::Unigram(TokenizerJson const& json, std::string const& where) : where_(where) {
    JsonPart part(json.rest.at("model"), where);
    part.ignore("type");
    part.required("vocab");
    require_data(json.tokens.empty(), "{}: the vocabulary is an object, not a list", where);
    falls_back_ = part.flag("byte_fallback", false);
    auto const* const unknown = part.optional("unk_id");
    if (unknown != nullptr && !unknown->is_null()) {
        auto const id = part.count("unk_id");
        require_data(
            id < static_cast<std::int64_t>(json.scores.size()),
            "{}: unk_id {} is not in a vocabulary of {}", where, id, json.scores.size()
        );
        unknown_ = static_cast<std::int32_t>(id);
    }
    part.finish();
    double lowest = std::numeric_limits<double>::infinity();
    at_node_.push_back(kNoPiece);
    for (auto const& [text, score] : json.scores) {
        require_data(std::isfinite(score), "{}: the score of \"{}\" is not finite", where, text);
        auto const id = static_cast<std::int32_t>(scores_.size());
        vocabulary_.add(text, id, where);
        scores_.push_back(score);
        add_to_trie(text, id);
        lowest = std::min(lowest, score);
    }
    unknown_score_ = lowest - kUnknownPenalty;
    for (std::size_t byte = 0; byte < kByteValues; ++byte) {
        bytes_.push_back(vocabulary_.find(fmt::format("<0x{:02X}>", byte)).value_or(kNoPiece));
    }
}

void Unigram::add_to_trie(std::string_view token, std::int32_t id) {
    std::int32_t node = 0;
    for (char const c : token) {
        auto const byte = static_cast<unsigned char>(c);
        auto const* edge = edges_.find(node, byte);
        if (edge == nullptr) {
            edges_.set(node, byte, {static_cast<std::int32_t>(at_node_.size()), 0});
            at_node_.push_back(kNoPiece);
            edge = edges_.find(node, byte);
        }
        node = edge->first;
    }
    at_node_[static_cast<std::size_t>(node)] = id;
}

// Tries all tokens that begin at a byte, and the character alone as unknown if none is it.
void Unigram::extend(std::string_view word, std::size_t begin, Space& space) const {
    auto const score_here = space.nodes[begin].score;
    auto const offer = [&](std::size_t end, std::int32_t id, double score) {
        auto& node = space.nodes[end];
        if (node.id == kNoPiece || score > node.score) {
            node = {score, begin, id};
        }
    };
    auto const single = std::min(begin + character_at(word, begin).bytes, word.size());
    bool has_single = false;
    std::int32_t tree_node = 0;
    for (auto end = begin; end < word.size();) {
        auto const* const edge = edges_.find(tree_node, static_cast<unsigned char>(word[end]));
        if (edge == nullptr) {
            break;
        }
        ++end;
        tree_node = edge->first;
        auto const id = at_node_[static_cast<std::size_t>(tree_node)];
        if (id >= 0) {
            offer(end, id, scores_[static_cast<std::size_t>(id)] + score_here);
            has_single = has_single || end == single;
        }
    }
    if (!has_single) {
        require_data(
            unknown_ >= 0, "{}: \"{}\" has no token, and there is no unk_id", where_,
            word.substr(begin, single - begin)
        );
        offer(single, unknown_, unknown_score_ + score_here);
    }
}

// Unknown characters in a row: their bytes from the last to the first, or one unknown token.
void Unigram::add_unknown(std::string_view text, std::vector<std::int32_t>& out) const {
    auto const token_of = [this](char c) { return bytes_[static_cast<unsigned char>(c)]; };
    if (auto const id = vocabulary_.find(text); id.has_value()) {
        out.push_back(*id);
    } else if (falls_back_ && std::ranges::all_of(text, [&](char c) { return token_of(c) >= 0; })) {
        std::transform(text.rbegin(), text.rend(), std::back_inserter(out), token_of);
    } else {
        out.push_back(unknown_);
    }
}

void Unigram::encode(std::string_view word, Space& space, std::vector<std::int32_t>& out) const {
    space.nodes.assign(word.size() + 1, {});
    space.ids.clear();
    for (std::size_t begin = 0; begin < word.size();) {
        extend(word, begin, space);
        begin = std::min(begin + character_at(word, begin).bytes, word.size());
    }
    for (auto end = word.size(); end > 0;) {
        auto begin = space.nodes[end].begin;
        if (space.nodes[end].id != unknown_) {
            space.ids.push_back(space.nodes[end].id);
        } else {
            while (begin > 0 && space.nodes[begin].id == unknown_) {
                begin = space.nodes[begin].begin;
            }
            add_unknown(word.substr(begin, end - begin), space.ids);
        }
        end = begin;
    }
    out.insert(out.end(), space.ids.rbegin(), space.ids.rend());
}

}  // namespace isogloss
