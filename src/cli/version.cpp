// cli/version.cpp
#include "cli/version.h"

#include <hdf5.h>
#include <mpi.h>

#include <array>
#include <boost/version.hpp>
#include <oneapi/dnnl/dnnl.hpp>

#include "base/require.h"
#include "base/version.h"
#include "cli/processor.h"

namespace isogloss {
namespace {

std::string mpi_text() {
    std::array<char, MPI_MAX_LIBRARY_VERSION_STRING> text{};
    int length = 0;
    MPI_Get_library_version(text.data(), &length);  // may be called before MPI starts
    std::string const whole(text.data(), static_cast<std::size_t>(length));
    return whole.substr(0, whole.find(','));
}

std::string hdf5_text() {
    unsigned major = 0;
    unsigned minor = 0;
    unsigned release = 0;
    if (H5get_libversion(&major, &minor, &release) < 0) {
        return "HDF5";
    }
    return fmt::format("HDF5 {}.{}.{}", major, minor, release);
}

std::string dnnl_text() {
    auto const* const version = dnnl::version();
    return fmt::format("oneDNN {}.{}.{}", version->major, version->minor, version->patch);
}

}  // namespace

std::string version_text() {
    return fmt::format(
        "isogloss {} (commit {})\n"
        "compiler   {}\n"
        "processor  {}\n"
        "libraries  {}, {}, {}, Boost {}.{}\n",
        program_version(), program_commit(), program_compiler(), built_for(), mpi_text(),
        hdf5_text(), dnnl_text(), BOOST_VERSION / 100000, BOOST_VERSION / 100 % 1000
    );
}

}  // namespace isogloss
