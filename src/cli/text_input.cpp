// cli/text_input.cpp
#include "cli/text_input.h"

#include <string_view>

#include "base/require.h"

namespace isogloss {

void describe(Options& options, TextInput& input) {
    options.add(
        "input", input.words,
        "TAG=PATH,... of .txt or .jsonl files (plain, .gz, .xz, .zst) or folders of them, or "
        "TAG=@LIST, a file that names them; or one folder of TAG.txt, TAG.jsonl or TAG/",
        Presence::required
    );
    options.add("field", input.format.field, "of a jsonl line, that holds the text");
    options.add_choice(
        "layout", input.format.layout,
        {{"paragraphs", Layout::paragraphs}, {"lines", Layout::lines}},
        "a document of a .txt file ends at a blank line, or at each line's end"
    );
    options.add("max-record-bytes", input.format.max_bytes, "longest record, in bytes");
    options.add_check([&input] {
        std::vector<std::string> faults;
        if (input.format.max_bytes < 1) {
            faults.push_back(
                fmt::format("max-record-bytes = {}: must be at least 1", input.format.max_bytes)
            );
        }
        return faults;
    });
}

Arguments with_one_input(Arguments const& arguments) {
    constexpr std::string_view kInput = "--input";
    Arguments others;
    std::string words;
    bool is_input = false;
    for (auto const& argument : arguments) {
        if (argument.starts_with("--")) {
            is_input = argument == kInput || argument.starts_with("--input=");
        }
        if (!is_input) {
            others.push_back(argument);
        } else if (argument != kInput) {
            auto const word =
                argument.starts_with("--input=") ? argument.substr(kInput.size() + 1) : argument;
            words += (words.empty() ? "" : ",") + word;
        }
    }
    if (!words.empty()) {
        others.push_back("--input=" + words);
    }
    return others;
}

}  // namespace isogloss
