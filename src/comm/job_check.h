// comm/job_check.h - what must hold on all ranks before work begins.
#pragma once

#include <filesystem>
#include <string>

#include "comm/mpi_comm.h"

namespace isogloss {

/// Every rank runs the same program file, by its hash, with the same options. Collective.
/// @param options  resolved, one a line
/// @throws Error  (environment) for the program, (usage) for the options; names the ranks that
/// differ from rank 0, and where
void require_same_job(std::string const& options, MpiComm const& world);

/// Every rank writes, flushes and removes a small file in `folder`. Collective.
/// @throws Error  (environment) with the rank, its host and the reason
void require_writable(std::filesystem::path const& folder, MpiComm const& world);

}  // namespace isogloss
