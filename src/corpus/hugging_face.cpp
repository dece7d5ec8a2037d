// corpus/hugging_face.cpp
#include "corpus/hugging_face.h"

#include <algorithm>
#include <utility>

#include "base/require.h"
#include "corpus/byte_alphabet.h"
#include "corpus/json_part.h"
#include "corpus/utf8.h"

namespace isogloss {
namespace {

std::variant<Bpe, Unigram> read_model(TokenizerJson const& json, std::string const& where) {
    require_data(json.rest.contains("model"), "{}: the key \"model\" is missing", where);
    JsonPart part(json.rest["model"], where + ": model");
    // Files of old have no type; theirs is BPE if there are merges.
    auto const type = part.optional_text("type").value_or(
        part.optional("merges") != nullptr ? "BPE" : "without a type"
    );
    if (type == "Unigram") {
        return Unigram(json, part.where());
    }
    require_data(type == "BPE", "{}: a model {} is not supported", where, type);
    return Bpe(json, part.where());
}

AddedToken read_added_token(Json const& value, std::string const& where) {
    JsonPart part(value, where);
    AddedToken token;
    token.content = part.text("content");
    token.id = static_cast<std::int32_t>(part.count("id"));
    token.single_word = part.flag("single_word", false);
    token.lstrip = part.flag("lstrip", false);
    token.rstrip = part.flag("rstrip", false);
    token.special = part.flag("special", false);
    token.normalized = part.flag("normalized", !token.special);
    part.finish();
    require_data(!token.content.empty(), "{}: token {} has no content", where, token.id);
    return token;
}

// Those whose value is absent are null.
Json const& part_of(Json const& json, char const* key) {
    static Json const null;
    auto const found = json.find(key);
    return found == json.end() ? null : *found;
}

}  // namespace

HuggingFace::HuggingFace(std::string_view file, std::string const& where)
    : HuggingFace(read_tokenizer_json(file, where), where) {}

HuggingFace::HuggingFace(TokenizerJson const& json, std::string const& where)
    : normaliser_(TextNormaliser::read(part_of(json.rest, "normalizer"), where + ": normalizer")),
      pre_tokenizer_(
          PreTokenizer::read(part_of(json.rest, "pre_tokenizer"), where + ": pre_tokenizer")
      ),
      model_(read_model(json, where)),
      decoder_(TokenDecoder::read(part_of(json.rest, "decoder"), where + ": decoder")) {
    JsonPart part(json.rest, where);
    for (auto const* key : {"model", "normalizer", "pre_tokenizer", "decoder"}) {
        part.ignore(key);
    }
    for (auto const* key : {"truncation", "padding", "post_processor"}) {
        part.ignore(key);  // they are about batches, not about text
    }
    auto const version = part.optional_text("version").value_or("1.0");
    require_data(version == "1.0", "{}: version {} is not known", where, version);
    part.ignore("added_tokens");
    part.finish();
    read_added_tokens(part_of(json.rest, "added_tokens"), where + ": added_tokens");
}

void HuggingFace::read_added_tokens(Json const& list, std::string const& where) {
    require_data(list.is_null() || list.is_array(), "{}: is no list", where);
    std::vector<AddedToken> tokens;
    for (auto const& value : list) {
        tokens.push_back(read_added_token(value, where));
    }
    // Ids that the model has not are given in order, as the library does; others would be another
    // model's.
    auto next = static_cast<std::int64_t>(model_vocabulary().count());
    for (auto const& token : tokens) {
        auto const known = find(token.content);
        auto const expected = known.has_value() ? *known : next;
        require_data(
            token.id == expected, "{}: \"{}\" has the id {}, but its place makes it {}", where,
            token.content, token.id, expected
        );
        if (!known.has_value()) {
            added_.add(token.content, token.id, where);
        }
        next = std::max(next, std::int64_t{token.id} + 1);
    }
    is_special_.assign(static_cast<std::size_t>(vocab_size()), false);
    // Special tokens are sought first. (Not the ranges form: clang 14 refuses the subrange it
    // returns.)
    std::stable_partition(tokens.begin(), tokens.end(), [](auto const& t) { return t.special; });
    for (auto const& token : tokens) {
        is_special_[static_cast<std::size_t>(token.id)] = token.special;
        std::string space;
        auto const form =
            token.normalized ? normaliser_.apply(token.content, space) : token.content;
        require_data(
            !form.empty(), "{}: nothing is left of \"{}\" when it is normalised", where,
            token.content
        );
        (token.normalized ? normalised_tokens_ : raw_tokens_).add(token, form);
        if (form != token.content) {
            forms_.emplace(token.id, form);
        }
    }
}

Vocabulary const& HuggingFace::model_vocabulary() const {
    return std::visit(
        [](auto const& model) -> Vocabulary const& { return model.vocabulary(); }, model_
    );
}

std::int32_t HuggingFace::vocab_size() const {
    return std::max(model_vocabulary().size(), added_.size());
}

std::optional<std::int32_t> HuggingFace::find(std::string_view token) const {
    auto const added = added_.find(token);
    return added.has_value() ? added : model_vocabulary().find(token);
}

bool HuggingFace::is_special(std::int32_t id) const {
    return is_special_[static_cast<std::size_t>(id)];
}

std::string const* HuggingFace::text_of(std::int32_t id) const {
    auto const* const added = added_.text_of(id);
    return added != nullptr ? added : model_vocabulary().text_of(id);
}

std::unique_ptr<HuggingFace::Space> HuggingFace::borrow_space() const {
    std::lock_guard const lock(mutex_);
    if (spaces_.empty()) {
        return std::make_unique<Space>();
    }
    auto space = std::move(spaces_.back());
    spaces_.pop_back();
    return space;
}

void HuggingFace::encode(std::string_view text, std::int32_t hidden, std::vector<std::int32_t>& out)
    const {
    require_data(
        is_utf8(text), "a text of {} bytes is not UTF-8; this tokenizer reads no other", text.size()
    );
    auto space = borrow_space();
    raw_tokens_.split(text, hidden, space->spans);
    for (auto const& span : space->spans) {
        if (span.id != TextSpan::kText) {
            out.push_back(span.id);
            continue;
        }
        auto const part = text.substr(span.begin, span.end - span.begin);
        encode_text(part, hidden, span.begin == 0, *space, out);
    }
    std::lock_guard const lock(mutex_);
    spaces_.push_back(std::move(space));
}

// A part of the text between added tokens that are not normalised.
void HuggingFace::encode_text(
    std::string_view text,
    std::int32_t hidden,
    bool is_at_start,
    Space& space,
    std::vector<std::int32_t>& out
) const {
    auto const normalised = normaliser_.apply(text, space.normalised);
    normalised_tokens_.split(normalised, hidden, space.inner);
    for (auto const& span : space.inner) {
        if (span.id != TextSpan::kText) {
            out.push_back(span.id);
            continue;
        }
        space.words.begin(
            normalised.substr(span.begin, span.end - span.begin), is_at_start && span.begin == 0
        );
        pre_tokenizer_.apply(space.words);
        for (auto const& word : space.words.words) {
            encode_word(word.text, space, out);
        }
    }
}

void HuggingFace::encode_word(std::string_view word, Space& space, std::vector<std::int32_t>& out)
    const {
    auto const* const bpe = std::get_if<Bpe>(&model_);
    while (!word.empty()) {
        bool const is_spelled = pre_tokenizer_.spells_bytes();
        auto const size = bpe == nullptr || is_spelled ? word.size() : bpe->next_part(word);
        auto const part = word.substr(0, size);
        word.remove_prefix(size);
        if (space.cache.find(part, out)) {
            continue;
        }
        auto const begin = out.size();
        std::string_view spelled = part;
        if (is_spelled) {
            space.spelled.clear();
            spell_bytes(part, space.spelled);
            spelled = space.spelled;
        }
        if (bpe != nullptr) {
            bpe->encode(spelled, space.bpe, out);
        } else {
            std::get<Unigram>(model_).encode(spelled, space.unigram, out);
        }
        space.cache.keep(part, std::span(out).subspan(begin));
    }
}

std::string HuggingFace::decode(std::span<std::int32_t const> ids) const {
    std::vector<std::string> tokens;
    for (auto const id : ids) {
        auto const* const text = text_of(id);
        require_data(
            text != nullptr, "token {} is not in the tokenizer's vocabulary of {}", id, vocab_size()
        );
        if (!is_special_[static_cast<std::size_t>(id)]) {
            auto const form = forms_.find(id);
            tokens.push_back(form == forms_.end() ? *text : form->second);
        }
    }
    return decoder_.decode(std::move(tokens));
}

}  // namespace isogloss
