// comm/nccl_check.cu
#include "comm/nccl_check.h"

#include <string>

#include "base/error.h"

namespace isogloss::detail {
namespace {

std::string last_message() {
    char const* const text = ncclGetLastError(nullptr);
    return text == nullptr || *text == '\0' ? "" : std::string("; ") + text;
}

}  // namespace

void check_nccl(ncclResult_t code, char const* call, std::source_location where) {
    if (code == ncclSuccess) {
        return;
    }
    throw Error(
        Exit::environment,
        std::string(call) + ": " + ncclGetErrorString(code) + last_message() +
            "; run again with NCCL_DEBUG=WARN to see where",
        where
    );
}

void check_nccl_state(ncclComm_t communicator, std::source_location where) {
    ncclResult_t state = ncclSuccess;
    check_nccl(ncclCommGetAsyncError(communicator, &state), "ncclCommGetAsyncError", where);
    check_nccl(state, "a collective before this one", where);
}

}  // namespace isogloss::detail
