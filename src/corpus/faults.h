// corpus/faults.h - why records of a text were skipped: counted by reason, the first few named.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "base/json.h"

namespace isogloss {

enum class Fault : std::uint8_t {
    broken_utf8,
    wrong_json,
    missing_field,  ///< or not a text
    empty,          ///< a record, or a whole file, without text
    too_long,
    cut_short,  ///< a compressed file that is damaged or ends early: the record begun, and the rest
};
inline constexpr std::size_t kFaults = 6;
char const* name_of(Fault fault);

/// Faults by reason, and where the first few of them are.
struct FaultCounts {
    static constexpr std::size_t kPlaces = 5;

    std::array<std::int64_t, kFaults> counts{};
    std::vector<std::string> places;  ///< "el.jsonl line 7: wrong_json: ..."

    void add(Fault fault, std::string const& place);
    void add(FaultCounts const& others);
    [[nodiscard]] std::int64_t total() const;
};

/// {"broken_utf8": 0, ..., "places": [...]}
Json to_json(FaultCounts const& faults);
FaultCounts fault_counts(Json const& value, std::string const& where);

}  // namespace isogloss
