// corpus/build_plan.h - what a corpus is to be made from.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <string>
#include <vector>

#include "corpus/input_pieces.h"
#include "corpus/language_file.h"
#include "corpus/text_reader.h"

namespace isogloss {

enum class BuildMode : std::uint8_t {
    create,  ///< a new corpus
    add,     ///< languages to a corpus, none of whose files is touched but the manifest
};

/// What a corpus is to be made from, the same on every rank.
struct BuildPlan {
    std::vector<LanguageText> languages{};  ///< in byte order of their tags
    std::filesystem::path out;
    BuildMode mode = BuildMode::create;
    TextFormat format{};
    double valid_share = 0.01;  ///< of the documents
    Duplicates duplicates = Duplicates::drop;
    double max_bad = 1.0;  ///< per cent of a language's records that may be bad
    std::string source{};  ///< for people; empty: the names of the files
    std::string licence{};
    std::function<bool()> stop{};  ///< asked on every rank, again and again; may be empty
};

}  // namespace isogloss
