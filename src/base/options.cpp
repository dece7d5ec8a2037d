// base/options.cpp
#include "base/options.h"

#include <algorithm>

#include "base/require.h"
#include "base/text.h"

namespace isogloss {
namespace {

constexpr auto kConfig = "config";

// How a fault names where the text came from.
std::string place(GivenOption const& given) {
    return given.source.empty() ? "--" + given.name : given.source + ": " + given.name;
}

bool is_part_of_name(char c) {
    return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '_' || c == '.' || c == '-';
}

// Does `text` hold `name` as a whole, not as a part of a longer name?
bool mentions(std::string const& text, std::string const& name) {
    for (auto at = text.find(name); at != std::string::npos; at = text.find(name, at + 1)) {
        auto const end = at + name.size();
        if ((at == 0 || !is_part_of_name(text[at - 1])) &&
            (end == text.size() || !is_part_of_name(text[end]))) {
            return true;
        }
    }
    return false;
}

}  // namespace

Options::Options(std::string command, std::string summary)
    : command_(std::move(command)), summary_(std::move(summary)) {}

void Options::add_entry(Entry entry) {
    require(find(entry.name) == nullptr, "the option {} is in the table twice", entry.name);
    require(entry.name != kConfig, "the option --config is everywhere already");
    entry.default_text = entry.text();
    entries_.push_back(std::move(entry));
}

void Options::add_check(std::function<std::vector<std::string>()> check) {
    checks_.push_back(std::move(check));
}

void Options::leave_out_of_record(std::string_view name) {
    auto* const entry = find(name);
    require(entry != nullptr, "the option {} is not in the table", name);
    entry->is_of_record = false;
}

Options::Entry* Options::find(std::string_view name) {
    auto const entry = std::ranges::find(entries_, name, &Entry::name);
    return entry == entries_.end() ? nullptr : &*entry;
}

std::vector<OptionForm> Options::forms() const {
    std::vector<OptionForm> forms{{kConfig, false}};
    for (auto const& entry : entries_) {
        forms.push_back({entry.name, entry.is_flag});
    }
    return forms;
}

Parsed Options::parse(std::span<std::string const> arguments) {
    if (std::ranges::count(arguments, "--help") + std::ranges::count(arguments, "-h") > 0) {
        return Parsed::help;
    }
    std::vector<std::string> faults;
    auto words = read_words(arguments, forms(), faults);
    name_words(words, faults);
    auto const is_config = [](GivenOption const& given) { return given.name == kConfig; };
    for (auto const& given : words) {
        if (is_config(given)) {
            apply(read_ini(given.value, forms()), faults);
        }
    }
    std::erase_if(words, is_config);
    apply(words, faults);
    finish(std::move(faults));
    return Parsed::run;
}

void Options::set(std::span<Setting const> settings, std::string const& source) {
    std::vector<GivenOption> given;
    for (auto const& setting : settings) {
        given.push_back({setting.name, setting.value, source, find(setting.name) != nullptr});
    }
    std::vector<std::string> faults;
    apply(given, faults);
    finish(std::move(faults));
}

// Gives the words without a name the names of the positional options, in their order.
void Options::name_words(std::vector<GivenOption>& given, std::vector<std::string>& faults) const {
    std::vector<Entry const*> places;
    for (auto const& entry : entries_) {
        if (entry.positional) {
            places.push_back(&entry);
        }
    }
    std::size_t next = 0;
    GivenOption* rest = nullptr;
    for (auto& word : given) {
        if (!word.name.empty()) {
            continue;
        }
        if (rest != nullptr) {
            rest->value += "," + word.value;
        } else if (next < places.size()) {
            word.name = places[next]->name;
            rest = places[next]->takes_rest ? &word : nullptr;
            ++next;
        } else {
            faults.push_back(word.value + ": a word too many");
        }
    }
    std::erase_if(given, [](GivenOption const& word) { return word.name.empty(); });
}

std::string Options::unknown_name(GivenOption const& given) const {
    std::vector<std::string> names{kConfig};
    for (auto const& entry : entries_) {
        names.push_back(entry.name);
    }
    auto const near = closest_match(given.name, names);
    auto const dashes = given.source.empty() ? "--" : "";
    return place(given) + ": unknown option" +
           (near.empty() ? "" : "; did you mean " + (dashes + near) + "?");
}

void Options::apply(std::span<GivenOption const> given, std::vector<std::string>& faults) {
    for (std::size_t i = 0; i < given.size(); ++i) {
        auto const& one = given[i];
        auto* const entry = find(one.name);
        if (entry == nullptr) {
            faults.push_back(unknown_name(one));
            continue;
        }
        auto const earlier = std::ranges::find(given.first(i), one.name, &GivenOption::name);
        if (earlier != given.begin() + static_cast<std::ptrdiff_t>(i)) {
            faults.push_back(place(one) + " is given twice: " + earlier->value + ", " + one.value);
            continue;
        }
        entry->given = true;
        auto const expected = entry->read(one.value);
        if (!expected.empty()) {
            entry->is_faulty = true;
            faults.push_back(place(one) + " = " + one.value + ": expected " + expected);
        }
    }
}

void Options::finish(std::vector<std::string> faults) {
    for (auto const& entry : entries_) {
        if (entry.presence == Presence::required && !entry.given) {
            faults.push_back(
                (entry.positional ? "" : "--") + entry.name + " is missing: " + entry.help
            );
        }
    }
    for (auto const& check : checks_) {
        for (auto const& fault : check()) {
            auto const follows = std::ranges::any_of(entries_, [&](Entry const& entry) {
                return entry.is_faulty && mentions(fault, entry.name);
            });
            if (!follows) {
                faults.push_back(fault);
            }
        }
    }
    if (faults.empty()) {
        return;
    }
    std::string text;
    for (auto const& fault : faults) {
        text += "\n  " + fault;
    }
    fail(
        Exit::usage, "{} {}:{}\nisogloss {} --help lists the options", faults.size(),
        faults.size() == 1 ? "fault" : "faults", text, command_
    );
}

}  // namespace isogloss
