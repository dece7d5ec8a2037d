# isogloss_floor(NAME  [NEEDS target...])
# One static library a floor: every .cpp of src/NAME, linked only to floors below.
# tests/base/floors_test.cpp checks the includes. With ISOGLOSS_CUDA the .cu files are compiled in
# and no_cuda.cpp is left out; without, no_cuda.cpp stands in, whose functions throw an Error that
# says how to build with CUDA. So no #ifdef is needed anywhere.
function(isogloss_floor name)
    cmake_parse_arguments(PARSE_ARGV 1 floor "" "" "NEEDS")
    file(GLOB sources CONFIGURE_DEPENDS ${CMAKE_CURRENT_SOURCE_DIR}/${name}/*.cpp)
    list(FILTER sources EXCLUDE REGEX "/main\\.cpp$")
    if(ISOGLOSS_CUDA)
        file(GLOB cuda_sources CONFIGURE_DEPENDS ${CMAKE_CURRENT_SOURCE_DIR}/${name}/*.cu)
        list(FILTER sources EXCLUDE REGEX "/no_cuda\\.cpp$")
        list(APPEND sources ${cuda_sources})
    endif()
    add_library(isogloss_${name} STATIC ${sources})
    add_library(isogloss::${name} ALIAS isogloss_${name})
    target_include_directories(isogloss_${name} PUBLIC ${CMAKE_CURRENT_SOURCE_DIR})
    target_link_libraries(isogloss_${name} PUBLIC ${floor_NEEDS} PRIVATE isogloss_options)
    if(NOT name STREQUAL kernels)   # which has flags of its own
        target_precompile_headers(isogloss_${name} REUSE_FROM isogloss_headers)
    endif()
endfunction()
