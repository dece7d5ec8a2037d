// growth/plan_values.h - values of a plan file, whose faults are told all at once.
#pragma once

#include <array>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "base/json.h"
#include "growth/lifelong_plan.h"

namespace isogloss {

/// Reads values out of JSON objects. What is missing or of another kind becomes a fault that names
/// the place, `where`, and a value that does no harm is returned.
class PlanValues {
public:
    void fault(std::string text) { faults_.push_back(std::move(text)); }
    /// @throws Error  (usage) with all faults, when there are any
    void throw_faults(std::string const& path) const;

    /// A text that is not empty.
    std::string text(Json const& value, std::string const& where, char const* key);
    /// A list of texts that is not empty.
    std::vector<std::string> texts(Json const& value, std::string const& where, char const* key);
    /// The members of an object, as the command line would have them; none if it is not there.
    std::vector<Setting> options(Json const& value, std::string const& where, char const* key);
    /// Is it the second of two words? Not when it is not there.
    bool is_second(
        Json const& value,
        std::string const& where,
        char const* key,
        std::array<std::string, 2> const& words
    );
    /// An object with keys of `known` alone.
    void expect_keys(
        Json const& value, std::string const& where, std::set<std::string> const& known
    );

private:
    std::vector<std::string> faults_;
};

/// Is it an object with this key?
bool has(Json const& value, char const* key);

}  // namespace isogloss
