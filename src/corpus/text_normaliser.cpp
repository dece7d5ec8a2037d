// corpus/text_normaliser.cpp
#include "corpus/text_normaliser.h"

#include <unicode/bytestream.h>
#include <unicode/normalizer2.h>
#include <unicode/uchar.h>
#include <unicode/uniset.h>

#include <utility>

#include "base/require.h"
#include "corpus/byte_alphabet.h"
#include "corpus/character_class.h"
#include "corpus/json_part.h"
#include "corpus/utf8.h"

namespace isogloss {
namespace {

constexpr char32_t kCapitalIWithDot = 0x130;  // the one letter whose small form is two characters

icu::UnicodeSet const& old_characters() {
    static icu::UnicodeSet const set = [] {
        UErrorCode status = U_ZERO_ERROR;
        icu::UnicodeSet result("[:age=9.0:]", status);
        require_environment(U_SUCCESS(status) != 0, "ICU has no ages: {}", u_errorName(status));
        result.freeze();
        return result;
    }();
    return set;
}

void append_lower(std::string& out, char32_t character) {
    if (character == kCapitalIWithDot) {
        out += "i\xCC\x87";
        return;
    }
    append_utf8(out, static_cast<char32_t>(u_tolower(static_cast<UChar32>(character))));
}

}  // namespace

TextNormaliser TextNormaliser::read(Json const& value, std::string const& where) {
    TextNormaliser result;
    if (!value.is_null()) {
        result.add(value, where, 0);
    }
    return result;
}

void TextNormaliser::add(Json const& value, std::string const& where, int depth) {
    require_data(
        depth < kDeepestSequence, "{}: more than {} sequences deep", where, kDeepestSequence
    );
    auto const type = JsonPart(value, where).text("type");
    JsonPart part(value, where + " " + type);
    part.ignore("type");
    if (type == "Sequence") {
        auto const& parts = part.required("normalizers");
        require_data(parts.is_array(), "{}: \"normalizers\" is no list", part.where());
        for (auto const& inner : parts) {
            add(inner, where, depth + 1);
        }
    } else if (type == "Strip") {
        auto const left = part.flag("strip_left", true);
        steps_.emplace_back(Strip{left, part.flag("strip_right", true)});
    } else if (type == "Replace") {
        auto pattern = TextPattern::read(part.required("pattern"), part.where());
        steps_.emplace_back(Replace{std::move(pattern), part.text("content")});
    } else if (type == "Prepend") {
        steps_.emplace_back(Prepend{part.text("prepend")});
    } else if (type == "Precompiled") {
        steps_.emplace_back(PrecompiledMap(part.text("precompiled_charsmap"), part.where()));
    } else {
        add_plain(type, part.where());
    }
    part.finish();
}

// Those without options.
void TextNormaliser::add_plain(std::string const& type, std::string const& where) {
    constexpr std::array<std::pair<std::string_view, Form>, 4> kForms{
        {{"NFC", Form::nfc}, {"NFD", Form::nfd}, {"NFKC", Form::nfkc}, {"NFKD", Form::nfkd}}};
    constexpr std::array<std::pair<std::string_view, Change>, 3> kChanges{
        {{"Lowercase", Change::lower_case},
         {"StripAccents", Change::no_marks},
         {"ByteLevel", Change::spelled_bytes}}};
    for (auto const& [name, form] : kForms) {
        if (type == name) {
            steps_.emplace_back(form);
            return;
        }
    }
    for (auto const& [name, change] : kChanges) {
        if (type == name) {
            steps_.emplace_back(change);
            return;
        }
    }
    fail(Exit::data, "{}: this normaliser is not supported", where);
}

std::string_view TextNormaliser::apply(std::string_view text, std::string& space) const {
    std::string changed;
    for (auto const& step : steps_) {
        changed.clear();
        if (std::visit([&](auto const& kind) { return apply_step(kind, text, changed); }, step)) {
            space.swap(changed);
            text = space;
        }
    }
    return text;
}

bool TextNormaliser::apply_step(Form form, std::string_view text, std::string& out) {
    UErrorCode status = U_ZERO_ERROR;
    auto const* const normaliser = form == Form::nfc    ? icu::Normalizer2::getNFCInstance(status)
                                   : form == Form::nfd  ? icu::Normalizer2::getNFDInstance(status)
                                   : form == Form::nfkc ? icu::Normalizer2::getNFKCInstance(status)
                                                        : icu::Normalizer2::getNFKDInstance(status);
    require_environment(U_SUCCESS(status) != 0, "ICU has no normaliser: {}", u_errorName(status));
    auto const size = static_cast<std::int64_t>(text.size());
    require_data(size <= INT32_MAX, "a text of {} bytes is too long to normalise", size);
    icu::StringPiece const piece(text.data(), static_cast<std::int32_t>(size));
    if (normaliser->isNormalizedUTF8(piece, status) != 0) {
        return false;
    }
    icu::StringByteSink<std::string> sink(&out);
    icu::FilteredNormalizer2 const filtered(*normaliser, old_characters());
    filtered.normalizeUTF8(0, piece, sink, nullptr, status);
    require(U_SUCCESS(status) != 0, "ICU cannot normalise: {}", u_errorName(status));
    return true;
}

bool TextNormaliser::apply_step(Change change, std::string_view text, std::string& out) {
    if (change == Change::spelled_bytes) {
        spell_bytes(text, out);
        return true;
    }
    for (std::size_t at = 0; at < text.size();) {
        auto const character = character_at(text, at);
        if (change == Change::lower_case) {
            append_lower(out, character.value);
        } else if (!is_mark(character.value)) {
            out += text.substr(at, character.bytes);
        }
        at += character.bytes;
    }
    return true;
}

bool TextNormaliser::apply_step(Strip const& strip, std::string_view text, std::string& out) {
    std::size_t begin = 0;
    std::size_t end = 0;  // of the last character that is no blank
    bool is_begin = true;
    for (std::size_t at = 0; at < text.size();) {
        auto const character = character_at(text, at);
        at += character.bytes;
        if (!is_white(character.value)) {
            is_begin = false;
            end = at;
        } else if (is_begin) {
            begin = at;
        }
    }
    begin = strip.left ? begin : 0;
    end = strip.right ? std::max(begin, end) : text.size();
    out = text.substr(begin, end - begin);
    return true;
}

bool TextNormaliser::apply_step(Replace const& replace, std::string_view text, std::string& out) {
    return replace.pattern.replace(text, replace.content, out);
}

bool TextNormaliser::apply_step(Prepend const& prepend, std::string_view text, std::string& out) {
    if (text.empty()) {
        return false;
    }
    out = prepend.text;
    out += text;
    return true;
}

bool TextNormaliser::apply_step(
    PrecompiledMap const& map, std::string_view text, std::string& out
) {
    map.apply(text, out);
    return true;
}

}  // namespace isogloss
