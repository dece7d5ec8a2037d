# What nearly every file includes and the compiler reads for seconds, read once: isogloss_headers for
# the floors, isogloss_quick_headers for the QUICK ones, isogloss_test_headers for programs of tests
# (tests/CMakeLists.txt). A file still names all it uses: the debug and sanitizer builds and those by
# clang have none of this.
set(ISOGLOSS_COMMON_HEADERS <algorithm> <array> <cmath> <cstdint> <filesystem> <fmt/format.h>
    <fmt/ranges.h> <functional> <map> <nlohmann/json.hpp> <numeric> <optional> <span> <string>
    <string_view> <vector>)

# Precompiled headers serve only what is compiled with the same flags.
target_link_libraries(isogloss_options INTERFACE OpenMP::OpenMP_CXX)

# isogloss_precompile(NAME "header;..." target...)  one set of headers and the targets they come
# from; others take it with REUSE_FROM NAME.
function(isogloss_precompile name headers)
    set(empty ${PROJECT_BINARY_DIR}/generated/${name}.cpp)
    if(NOT EXISTS ${empty})
        file(WRITE ${empty} "")
    endif()
    add_library(${name} OBJECT ${empty})
    target_link_libraries(${name} PRIVATE isogloss_options fmt::fmt nlohmann_json::nlohmann_json
        ${ARGN})
    target_precompile_headers(${name} PRIVATE ${headers})
endfunction()
isogloss_precompile(isogloss_headers "${ISOGLOSS_COMMON_HEADERS}")
isogloss_precompile(isogloss_quick_headers "${ISOGLOSS_COMMON_HEADERS}")
target_compile_options(isogloss_quick_headers PRIVATE ${ISOGLOSS_QUICK_TO_COMPILE})
