// corpus/vocabulary.cpp
#include "corpus/vocabulary.h"

#include <utility>

#include "base/require.h"

namespace isogloss {
namespace {

constexpr std::int64_t kMostId = (std::int64_t{1} << 24U) - 1;
constexpr std::int64_t kGaps = 65536;

}  // namespace

void Vocabulary::add(std::string text, std::int64_t id, std::string const& where) {
    require_data(
        0 <= id && id <= kMostId, "{}: the token \"{}\" has the id {}; ids lie in [0, {}]", where,
        text, id, kMostId
    );
    auto const index = static_cast<std::size_t>(id);
    if (index >= texts_.size()) {
        texts_.resize(index + 1, nullptr);
    }
    require_data(
        texts_[index] == nullptr, "{}: the tokens \"{}\" and \"{}\" have one id, {}", where,
        texts_[index] == nullptr ? "" : *texts_[index], text, id
    );
    auto const [place, is_new] = ids_.emplace(std::move(text), static_cast<std::int32_t>(id));
    require_data(is_new, "{}: the token \"{}\" is there twice", where, place->first);
    texts_[index] = &place->first;
}

std::optional<std::int32_t> Vocabulary::find(std::string_view text) const {
    auto const found = ids_.find(text);
    return found == ids_.end() ? std::nullopt : std::optional(found->second);
}

std::string const* Vocabulary::text_of(std::int32_t id) const {
    return 0 <= id && id < size() ? texts_[static_cast<std::size_t>(id)] : nullptr;
}

void Vocabulary::check_range(std::string const& where) const {
    require_data(
        size() <= std::int64_t{2} * count() + kGaps,
        "{}: an id is {}, but there are {} tokens only", where, size() - 1, count()
    );
}

}  // namespace isogloss
