// comm/mpi_check.cpp
#include "comm/mpi_check.h"

#include <array>
#include <string>

#include "base/error.h"

namespace isogloss::detail {

void check_mpi(int code, char const* call, std::source_location where) {
    if (code == MPI_SUCCESS) {
        return;
    }
    std::array<char, MPI_MAX_ERROR_STRING> text{};
    int length = 0;
    std::string reason = "error " + std::to_string(code);
    if (MPI_Error_string(code, text.data(), &length) == MPI_SUCCESS) {
        reason = std::string(text.data(), static_cast<std::size_t>(length));
    }
    throw Error(Exit::environment, std::string(call) + ": " + reason, where);
}

}  // namespace isogloss::detail
