// growth/plan_values.cpp
#include "growth/plan_values.h"

#include <fmt/format.h>

#include "base/require.h"

namespace isogloss {
namespace {

// A number, a text or a list: all as the command line would have them.
std::string as_text(Json const& value) {
    if (value.is_string()) {
        return value.get<std::string>();
    }
    if (!value.is_array()) {
        return value.dump();
    }
    std::string joined;
    for (auto const& item : value) {
        joined += (joined.empty() ? "" : ",") + as_text(item);
    }
    return joined;
}

}  // namespace

bool has(Json const& value, char const* key) {
    return value.is_object() && value.contains(key);
}

void PlanValues::throw_faults(std::string const& path) const {
    require_usage(
        faults_.empty(), "{} has {} fault{}:\n    {}", path, faults_.size(),
        faults_.size() == 1 ? "" : "s", fmt::join(faults_, "\n    ")
    );
}

std::string PlanValues::text(Json const& value, std::string const& where, char const* key) {
    if (has(value, key) && value[key].is_string() && !value[key].get<std::string>().empty()) {
        return value[key].get<std::string>();
    }
    fault(fmt::format("{}: \"{}\" must be a text that is not empty", where, key));
    return {};
}

std::vector<std::string> PlanValues::texts(
    Json const& value, std::string const& where, char const* key
) {
    try {
        auto found = value.at(key).get<std::vector<std::string>>();
        if (!found.empty()) {
            return found;
        }
    } catch (nlohmann::json::exception const&) {
        // said below, in words a user knows
    }
    fault(fmt::format("{}: \"{}\" must be a list that is not empty", where, key));
    return {};
}

std::vector<Setting> PlanValues::options(
    Json const& value, std::string const& where, char const* key
) {
    std::vector<Setting> found;
    if (!has(value, key)) {
        return found;
    }
    if (!value[key].is_object()) {
        fault(fmt::format("{}: \"{}\" must be an object {{...}}", where, key));
        return found;
    }
    for (auto const& [name, setting] : value[key].items()) {
        found.push_back({name, as_text(setting)});
    }
    return found;
}

bool PlanValues::is_second(
    Json const& value,
    std::string const& where,
    char const* key,
    std::array<std::string, 2> const& words
) {
    if (!has(value, key)) {
        return false;
    }
    auto const word = text(value, where, key);
    if (word != words[0] && word != words[1]) {
        fault(fmt::format(
            "{}: \"{}\" = \"{}\": must be {} or {}", where, key, word, words[0], words[1]
        ));
    }
    return word == words[1];
}

void PlanValues::expect_keys(
    Json const& value, std::string const& where, std::set<std::string> const& known
) {
    if (!value.is_object()) {
        fault(fmt::format("{}: must be an object {{...}}", where));
        return;
    }
    for (auto const& [key, unused] : value.items()) {
        if (!known.contains(key)) {
            fault(fmt::format(
                "{}: unknown key \"{}\"; known are {}", where, key, fmt::join(known, ", ")
            ));
        }
    }
}

}  // namespace isogloss
