// base/duration.h - a length of time as people and Slurm write it, as the value of an option.
#pragma once

#include <string>
#include <string_view>

#include "base/option_value.h"

namespace isogloss {

/// "90s", "30m", "11h30m", "2d", "1.5s"; Slurm's "MM:SS", "HH:MM:SS", "D-HH", "D-HH:MM",
/// "D-HH:MM:SS"; "0". A bare number is refused: Slurm would take it for minutes, others for
/// seconds.
struct Duration {
    double seconds = 0.0;
};

/// As in base/option_value.h.
std::string read_value(std::string_view text, Duration& target);
std::string value_text(Duration value);

template <>
constexpr char const* value_form<Duration>() {
    return "DURATION";
}

}  // namespace isogloss
