// comm/nccl_check.h - turns an NCCL return code into an Error. For .cu files only.
#pragma once

#include <nccl.h>

#include <source_location>

namespace isogloss::detail {

/// Throws (environment) when `code` is not ncclSuccess, with the call, NCCL's text and its last
/// message.
void check_nccl(
    ncclResult_t code,
    char const* call,
    std::source_location where = std::source_location::current()
);

/// The same for what went wrong since: NCCL's own threads report to the communicator.
void check_nccl_state(
    ncclComm_t communicator, std::source_location where = std::source_location::current()
);

}  // namespace isogloss::detail

#define ISOGLOSS_NCCL(call) ::isogloss::detail::check_nccl((call), #call)
