// comm/mpi_check.h - turns an MPI return code into an Error.
#pragma once

#include <mpi.h>

#include <source_location>

namespace isogloss::detail {

/// Throws (environment) when `code` is not MPI_SUCCESS, with MPI's own text and the call.
/// Works only on communicators whose handler is MPI_ERRORS_RETURN; `World` sets it, and
/// communicators split from the world inherit it. Under MPI's default handler a failing call ends
/// the process inside MPI and no check is ever reached.
void check_mpi(
    int code, char const* call, std::source_location where = std::source_location::current()
);

}  // namespace isogloss::detail

#define ISOGLOSS_MPI(call) ::isogloss::detail::check_mpi((call), #call)
