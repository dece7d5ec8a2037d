# Flags of our own code, as one target: isogloss_options. Libraries of others do not get them.
set(CMAKE_CXX_STANDARD 20)
set(CMAKE_CXX_STANDARD_REQUIRED ON)
set(CMAKE_CXX_EXTENSIONS OFF)
set(CMAKE_POSITION_INDEPENDENT_CODE ON)
if(NOT CMAKE_BUILD_TYPE)
    set(CMAKE_BUILD_TYPE Release CACHE STRING "" FORCE)
endif()
set(CMAKE_RUNTIME_OUTPUT_DIRECTORY ${PROJECT_BINARY_DIR}/bin)

# For what is run seldom and compiled often; over the -O of the build type.
set(ISOGLOSS_QUICK_TO_COMPILE $<$<NOT:$<CONFIG:Debug>>:-O1>)

find_program(ISOGLOSS_CCACHE ccache)
if(ISOGLOSS_CCACHE AND NOT CMAKE_CXX_COMPILER_LAUNCHER)   # so set, it keeps precompiled headers too
    set(CMAKE_CXX_COMPILER_LAUNCHER ${CMAKE_COMMAND} -E env
        CCACHE_SLOPPINESS=pch_defines,time_macros,include_file_ctime,include_file_mtime
        ${ISOGLOSS_CCACHE})
endif()

# Errors name src/..., not a path of the builder; ccache may turn paths into relative ones.
file(RELATIVE_PATH relative_source ${PROJECT_BINARY_DIR} ${PROJECT_SOURCE_DIR})
add_library(isogloss_options INTERFACE)
target_compile_options(isogloss_options INTERFACE "$<$<NOT:$<COMPILE_LANGUAGE:CUDA>>:\
-Wall;-Wextra;-Wpedantic;-Wshadow;-Wconversion;-Wsign-conversion;\
$<$<BOOL:${ISOGLOSS_WERROR}>:-Werror>;\
-fmacro-prefix-map=${PROJECT_SOURCE_DIR}/=;-fmacro-prefix-map=${relative_source}=>")
if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU" AND CMAKE_CXX_COMPILER_VERSION VERSION_LESS 13)
    # g++ 12 sees overlaps in std::string's operator+ that are not there (GCC bug 105651), and, where
    # the library's headers are precompiled, overflows too.
    set(false_warnings -Wno-restrict)
    if(NOT CMAKE_DISABLE_PRECOMPILE_HEADERS)
        list(APPEND false_warnings -Wno-stringop-overflow -Wno-array-bounds)
    endif()
    target_compile_options(isogloss_options INTERFACE
        "$<$<NOT:$<COMPILE_LANGUAGE:CUDA>>:${false_warnings}>")
elseif(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
    # From 13 on it takes a View's span for part of the View.
    target_compile_options(isogloss_options INTERFACE
        "$<$<NOT:$<COMPILE_LANGUAGE:CUDA>>:-Wno-dangling-reference>")
endif()
if(ISOGLOSS_UNITY AND CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
    # Said of files' own types wherever several files are compiled as one.
    target_compile_options(isogloss_options INTERFACE
        "$<$<NOT:$<COMPILE_LANGUAGE:CUDA>>:-Wno-subobject-linkage>")
endif()
if(ISOGLOSS_ARCH)
    target_compile_options(isogloss_options INTERFACE
        $<$<NOT:$<COMPILE_LANGUAGE:CUDA>>:-march=${ISOGLOSS_ARCH}>)
endif()
if(ISOGLOSS_SANITIZE)
    # g++ 12 takes parts of std::regex for uninitialised where they are instrumented.
    target_compile_options(isogloss_options INTERFACE "$<$<NOT:$<COMPILE_LANGUAGE:CUDA>>:\
-fsanitize=${ISOGLOSS_SANITIZE};-fno-omit-frame-pointer;-fno-sanitize-recover=all;\
-Wno-maybe-uninitialized>")
    target_link_options(isogloss_options INTERFACE -fsanitize=${ISOGLOSS_SANITIZE})
endif()
if(ISOGLOSS_FUZZ)
    set(sanitizers -fsanitize=fuzzer-no-link,address,undefined -fno-sanitize-recover=all)
    target_compile_options(isogloss_options INTERFACE ${sanitizers} -fno-omit-frame-pointer)
    target_link_options(isogloss_options INTERFACE ${sanitizers})
    include(CheckCXXSourceCompiles)
    set(CMAKE_REQUIRED_FLAGS -std=c++20)
    check_cxx_source_compiles("#include <source_location>
        int main() { return std::source_location::current().line() == 0; }"
        ISOGLOSS_SOURCE_LOCATION)
    unset(CMAKE_REQUIRED_FLAGS)
    if(NOT ISOGLOSS_SOURCE_LOCATION)
        target_include_directories(isogloss_options SYSTEM INTERFACE
            ${PROJECT_SOURCE_DIR}/tests/fuzz/shim)
    endif()
endif()
include(CheckCXXCompilerFlag)
check_cxx_compiler_flag(-mprefer-vector-width=512 ISOGLOSS_WIDE_VECTORS)
