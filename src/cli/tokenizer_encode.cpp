// cli/tokenizer_encode.cpp
#include <fmt/ranges.h>

#include <charconv>
#include <cstdint>
#include <iostream>
#include <string>
#include <string_view>
#include <vector>

#include "base/require.h"
#include "cli/commands.h"
#include "corpus/tokenizer.h"

namespace isogloss {
namespace {

struct EncodeConfig {
    std::string tokenizer;
    std::string separator;
    bool decode = false;
};

void describe(Options& options, EncodeConfig& config) {
    options.add_positional(
        "tokenizer", config.tokenizer, "`bytes`, a SentencePiece model, or a tokenizer.json"
    );
    options.add("separator", config.separator, "token that begins documents; none: its own");
    options.add("decode", config.decode, "read lines of ids, write lines of text");
}

std::string ids_text(std::vector<std::int32_t> const& ids) {
    return fmt::format("{}", fmt::join(ids, " "));
}

std::vector<std::int32_t> read_ids(std::string_view line, std::int64_t number) {
    std::vector<std::int32_t> ids;
    auto const* at = line.data();
    auto const* const end = line.data() + line.size();
    while (at != end) {
        std::int32_t id = 0;
        auto const read = std::from_chars(at, end, id);
        bool const is_number = read.ec == std::errc() && (read.ptr == end || *read.ptr == ' ');
        require_data(
            is_number, "standard input: line {} is not ids with one blank between them", number
        );
        ids.push_back(id);
        at = read.ptr == end ? end : read.ptr + 1;
    }
    return ids;
}

}  // namespace

Exit run_tokenizer_encode(Arguments const& arguments) {
    EncodeConfig config;
    Options options(
        "tokenizer encode",
        "Writes the ids of each line of standard input on a line, without separators."
    );
    describe(options, config);
    if (options.parse(arguments) == Parsed::help) {
        return print_help(options);
    }
    auto const tokenizer = Tokenizer::open(config.tokenizer, config.separator);
    std::ios::sync_with_stdio(false);
    std::string line;
    for (std::int64_t number = 1; std::getline(std::cin, line); ++number) {
        auto const result = config.decode ? tokenizer.decode(read_ids(line, number))
                                          : ids_text(tokenizer.encode(line));
        std::cout << result << '\n';
    }
    std::cout.flush();
    require_environment(std::cout.good(), "standard output cannot be written");
    return Exit::done;
}

}  // namespace isogloss
