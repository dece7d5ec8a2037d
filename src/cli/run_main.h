// cli/run_main.h - starts a command, and is the only place where exceptions end.
#pragma once

#include <span>

#include "cli/command.h"

namespace isogloss {

/// Finds the command that `argv` names in `table`, starts MPI if it wants ranks, runs it and
/// returns its exit code. Also answers --help and --version.
///
/// An exception is printed as "error: ..." (with the rank, where there are several; with the line
/// of source only where the fault is ours) and becomes its Exit. With several ranks the whole job
/// ends with that code: ranks that wait in a collective are ended through MPI_Abort. A fault that
/// all ranks share is printed once.
int run_main(int argc, char** argv, std::span<Command const> table);

}  // namespace isogloss
