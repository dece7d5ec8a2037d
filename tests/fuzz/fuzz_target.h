// fuzz/fuzz_target.h - what a fuzz target gives: how hostile bytes are read, and bytes to begin
// with.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace isogloss::fuzz {

/// Reads `bytes` as a file of the target's format. It must end in bounded time and memory, and
/// throw nothing but Error of Exit::data; what it does read must be as promised (it aborts).
void read_hostile(std::string_view bytes);

/// Small whole files of the format, which others are made from.
std::vector<std::string> seeds();

/// read_hostile, with the Errors that are right answers caught; what else is thrown ends the
/// program.
void read_and_judge(std::string_view bytes);

/// Ends the program with `what` when it does not hold.
void expect(bool holds, char const* what);

}  // namespace isogloss::fuzz
