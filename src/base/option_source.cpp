// base/option_source.cpp
#include "base/option_source.h"

#include <algorithm>
#include <boost/program_options/errors.hpp>
#include <boost/program_options/options_description.hpp>
#include <boost/program_options/parsers.hpp>
#include <boost/program_options/value_semantic.hpp>
#include <fstream>

#include "base/require.h"

namespace isogloss {
namespace {

namespace po = boost::program_options;

po::options_description description_of(std::span<OptionForm const> forms) {
    po::options_description description;
    for (auto const& form : forms) {
        description.add_options()(form.name.c_str(), po::value<std::string>());
    }
    return description;
}

std::vector<GivenOption> given_options(
    po::parsed_options const& parsed, std::string const& source
) {
    std::vector<GivenOption> given;
    bool after_unknown = false;  // the word after an unknown option was meant as its value
    for (auto const& option : parsed.options) {
        auto const is_word = option.position_key >= 0 && option.string_key.empty();
        auto const text = option.value.empty() ? std::string() : option.value.front();
        if (!(is_word && after_unknown)) {
            given.push_back({option.string_key, text, source, is_word || !option.unregistered});
        }
        after_unknown =
            !is_word && option.unregistered && option.original_tokens.size() <= 1 && text.empty();
    }
    return given;
}

// Two forms that Boost reads otherwise: a flag alone takes no word after it, and `--name=` is the
// empty text, which goes to `given` at once.
std::vector<std::string> plain_words(
    std::span<std::string const> words,
    std::span<OptionForm const> forms,
    std::vector<GivenOption>& given
) {
    std::vector<std::string> plain;
    bool options = true;
    for (auto const& word : words) {
        options = options && word != "--";
        auto const form = std::ranges::find_if(forms, [&](OptionForm const& candidate) {
            return options && word.starts_with("--" + candidate.name) &&
                   (word.size() == candidate.name.size() + 2 ||
                    (word.size() == candidate.name.size() + 3 && word.back() == '='));
        });
        if (form != forms.end() && word.back() == '=') {
            given.push_back({form->name, "", "", true});
        } else if (form != forms.end() && form->is_flag) {
            plain.push_back(word + "=true");
        } else {
            plain.push_back(word);
        }
    }
    return plain;
}

std::string quoted(std::string_view value) {
    std::string text = "\"";
    for (char const c : value) {
        switch (c) {
            case '"': text += "\\\""; break;
            case '\\': text += "\\\\"; break;
            case '\n': text += "\\n"; break;
            case '\t': text += "\\t"; break;
            case '\r': text += "\\x0d"; break;
            case '#': text += "\\x23"; break;
            default: text += c;
        }
    }
    return text + "\"";
}

// The character that the escape at text[i] (just after the backslash) stands for.
char unescaped(std::string_view text, std::size_t& i) {
    switch (text[i]) {
        case 'n': return '\n';
        case 't': return '\t';
        case 'x': {
            auto const digits = std::string(text.substr(i + 1, 2));
            i += digits.size();
            return static_cast<char>(std::strtol(digits.c_str(), nullptr, 16));
        }
        default: return text[i];
    }
}

std::string unquoted(std::string const& value) {
    if (value.size() < 2 || value.front() != '"' || value.back() != '"') {
        return value;
    }
    std::string_view const inside(value.data() + 1, value.size() - 2);
    std::string text;
    for (std::size_t i = 0; i < inside.size(); ++i) {
        if (inside[i] == '\\' && i + 1 < inside.size()) {
            text += unescaped(inside, ++i);
        } else {
            text += inside[i];
        }
    }
    return text;
}

}  // namespace

std::vector<GivenOption> read_words(
    std::span<std::string const> words,
    std::span<OptionForm const> forms,
    std::vector<std::string>& faults
) {
    auto const description = description_of(forms);
    namespace style = po::command_line_style;
    // No short options and no guessing: a name that is cut short today is ambiguous tomorrow.
    constexpr int kStyle = style::allow_long | style::long_allow_adjacent | style::long_allow_next;
    std::vector<GivenOption> empty;
    auto left = plain_words(words, forms, empty);
    while (true) {
        try {
            auto const parsed = po::command_line_parser(left)
                                    .options(description)
                                    .style(kStyle)
                                    .allow_unregistered()
                                    .run();
            auto given = given_options(parsed, "");
            given.insert(given.end(), empty.begin(), empty.end());
            return given;
        } catch (po::error_with_option_name const& error) {
            // Boost stops at the first fault; without the word that it names the rest is read.
            auto const bad = std::ranges::find_if(left, [&](std::string const& word) {
                return word.substr(0, word.find('=')) == error.get_option_name();
            });
            faults.push_back(error.get_option_name() + ": a value is missing");
            require_usage(bad != left.end(), "{}", error.what());
            left.erase(bad);
        } catch (po::error const& error) {
            fail(Exit::usage, "{}", error.what());
        }
    }
}

std::vector<GivenOption> read_ini(
    std::filesystem::path const& path, std::span<OptionForm const> forms
) {
    std::ifstream file(path);
    require_usage(
        file.is_open() && !std::filesystem::is_directory(path),
        "--config {}: the file cannot be read", path.string()
    );
    try {
        auto given =
            given_options(po::parse_config_file(file, description_of(forms), true), path.string());
        for (auto& option : given) {
            option.value = unquoted(option.value);
        }
        return given;
    } catch (po::error const& error) {
        fail(
            Exit::usage, "{}: {}; a line is [section], key = value or # comment", path.string(),
            error.what()
        );
    }
}

std::string ini_value(std::string_view value) {
    auto const needs_quotes = value.find_first_of("#\n\r\t\"") != std::string_view::npos ||
                              value.starts_with(' ') || value.ends_with(' ');
    return needs_quotes ? quoted(value) : std::string(value);
}

}  // namespace isogloss
