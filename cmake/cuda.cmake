# The CUDA backend's compiler and libraries, sought only when it is built: CUDA Toolkit 13, NCCL and
# cuDNN, as a cluster's modules or packages have them (nvcc on PATH or CUDACXX; NCCL_ROOT and
# CUDNN_ROOT where they lie apart). Without ISOGLOSS_CUDA the targets exist and are empty, so that
# floors name them always.
add_library(isogloss_cublas INTERFACE)
add_library(isogloss_nccl INTERFACE)
add_library(isogloss_cudnn INTERFACE)
if(NOT ISOGLOSS_CUDA)
    return()
endif()

if(NOT CMAKE_CUDA_ARCHITECTURES)
    set(CMAKE_CUDA_ARCHITECTURES 90 CACHE STRING "GPUs the CUDA kernels are built for")
endif()
if(NOT CMAKE_CUDA_HOST_COMPILER)
    set(CMAKE_CUDA_HOST_COMPILER ${CMAKE_CXX_COMPILER})
endif()
if(ISOGLOSS_CCACHE AND NOT CMAKE_CUDA_COMPILER_LAUNCHER)
    set(CMAKE_CUDA_COMPILER_LAUNCHER ${ISOGLOSS_CCACHE})
endif()
enable_language(CUDA)
if(NOT CMAKE_CUDA20_STANDARD_COMPILE_OPTION)   # CMake 3.25 does not know nvcc 13's
    set(CMAKE_CUDA20_STANDARD_COMPILE_OPTION -std=c++20)
    set(CMAKE_CUDA20_EXTENSION_COMPILE_OPTION -std=c++20)
endif()
find_package(CUDAToolkit 13.0 REQUIRED)

# Library NAME with header HEADER, of neither of which CMake has a config.
function(isogloss_find_cuda_library target name header)
    string(TOUPPER ${name} upper)
    find_path(ISOGLOSS_${upper}_INCLUDE ${header} REQUIRED
        HINTS ${${upper}_ROOT}/include $ENV{${upper}_ROOT}/include ${CUDAToolkit_INCLUDE_DIRS})
    find_library(ISOGLOSS_${upper}_LIBRARY ${name} REQUIRED
        HINTS ${${upper}_ROOT}/lib $ENV{${upper}_ROOT}/lib ${CUDAToolkit_LIBRARY_DIR})
    target_include_directories(${target} SYSTEM INTERFACE ${ISOGLOSS_${upper}_INCLUDE})
    target_link_libraries(${target} INTERFACE ${ISOGLOSS_${upper}_LIBRARY})
endfunction()
isogloss_find_cuda_library(isogloss_nccl nccl nccl.h)
isogloss_find_cuda_library(isogloss_cudnn cudnn cudnn.h)
target_link_libraries(isogloss_cublas INTERFACE CUDA::cublasLt)

# nvcc's own code has line directives of a GNU form, so no -Wpedantic.
target_compile_options(isogloss_options INTERFACE
    "$<$<COMPILE_LANGUAGE:CUDA>:-Xcompiler=-Wall,-Wextra,-Wshadow,-Wconversion,-Wsign-conversion>"
    "$<$<COMPILE_LANGUAGE:CUDA>:-Xcompiler=-fmacro-prefix-map=${PROJECT_SOURCE_DIR}/=>"
    "$<$<AND:$<COMPILE_LANGUAGE:CUDA>,$<BOOL:${ISOGLOSS_WERROR}>>:SHELL:-Werror all-warnings>"
    "$<$<AND:$<COMPILE_LANGUAGE:CUDA>,$<BOOL:${ISOGLOSS_WERROR}>>:-Xcompiler=-Werror>")

# CUDA sources with instructions of Hopper alone, compiled for it.
function(isogloss_hopper_objects target sources)
    add_library(${target} OBJECT ${sources})
    set_target_properties(${target} PROPERTIES CUDA_ARCHITECTURES 90a)
    target_include_directories(${target} PRIVATE ${PROJECT_SOURCE_DIR}/src)
    target_link_libraries(${target} PRIVATE isogloss_options)
endfunction()
