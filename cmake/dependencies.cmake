# Everything from elsewhere, found once. launch/setup installs it on Debian and Ubuntu; a cluster
# has it as modules.
set(MPI_CXX_SKIP_MPICXX ON)   # Open MPI's dead C++ bindings
set(HDF5_PREFER_PARALLEL ON)
find_package(MPI REQUIRED COMPONENTS CXX)
find_package(HDF5 REQUIRED COMPONENTS C)
if(ISOGLOSS_FUZZ)   # clang has none of its own, and what is fuzzed needs none
    add_library(OpenMP::OpenMP_CXX INTERFACE IMPORTED)
else()
    find_package(OpenMP REQUIRED COMPONENTS CXX)
endif()
find_package(OpenSSL REQUIRED COMPONENTS Crypto)
find_package(Threads REQUIRED)
find_package(fmt REQUIRED CONFIG)
find_package(nlohmann_json REQUIRED CONFIG)
find_package(Boost 1.74 REQUIRED COMPONENTS program_options iostreams)
find_package(PkgConfig REQUIRED)
pkg_check_modules(sentencepiece REQUIRED IMPORTED_TARGET sentencepiece)
pkg_check_modules(pcre2 REQUIRED IMPORTED_TARGET libpcre2-8)
pkg_check_modules(icu REQUIRED IMPORTED_TARGET icu-uc)

# oneDNN: Debian's CMake config asks for OpenCL headers, so its header and library are sought.
find_path(ISOGLOSS_DNNL_INCLUDE oneapi/dnnl/dnnl.hpp REQUIRED)
find_library(ISOGLOSS_DNNL_LIBRARY dnnl REQUIRED)
add_library(isogloss_dnnl INTERFACE)
target_include_directories(isogloss_dnnl SYSTEM INTERFACE ${ISOGLOSS_DNNL_INCLUDE})
target_link_libraries(isogloss_dnnl INTERFACE ${ISOGLOSS_DNNL_LIBRARY})

add_library(isogloss_hdf5 INTERFACE)
target_include_directories(isogloss_hdf5 SYSTEM INTERFACE ${HDF5_INCLUDE_DIRS})
target_compile_definitions(isogloss_hdf5 INTERFACE ${HDF5_DEFINITIONS} OMPI_SKIP_MPICXX)
target_link_libraries(isogloss_hdf5 INTERFACE ${HDF5_C_LIBRARIES})
if(HDF5_IS_PARALLEL)   # its header includes mpi.h
    target_link_libraries(isogloss_hdf5 INTERFACE MPI::MPI_CXX)
endif()
