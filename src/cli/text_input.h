// cli/text_input.h - the options that name text, shared by `tokenizer train` and `corpus build`.
#pragma once

#include <string>
#include <vector>

#include "base/options.h"
#include "cli/command.h"
#include "corpus/text_reader.h"

namespace isogloss {

struct TextInput {
    std::vector<std::string> words;
    TextFormat format;
};

/// Adds input, field, layout and max-record-bytes.
void describe(Options& options, TextInput& input);

/// `--input A B --input C` as `--input A,B,C`: text may be named in as many words as it takes.
Arguments with_one_input(Arguments const& arguments);

}  // namespace isogloss
