# isogloss_floor(NAME  [QUICK]  [NEEDS target...])
# One static library a floor: every .cpp of src/NAME, linked only to floors below.
# tests/base/floors_test.cpp checks the includes. With ISOGLOSS_CUDA the .cu files are compiled in
# and no_cuda.cpp is left out; without, no_cuda.cpp stands in, whose functions throw an Error that
# says how to build with CUDA. So no #ifdef is needed anywhere.
#
# With ISOGLOSS_UNITY the compiler gets twelve files at a time, for what it reads and makes of headers
# takes most of its time. So names within `namespace {` must be unique in their floor.
#
# Files *_hopper.cu have instructions of that generation alone, so they are compiled for it (sm_90a)
# whatever CMAKE_CUDA_ARCHITECTURES says; what they hold is asked of the GPU before it is called.
#
# QUICK: a floor that computes nothing itself is compiled with -O1, in half the time of -O3.
function(isogloss_floor name)
    cmake_parse_arguments(PARSE_ARGV 1 floor "QUICK" "" "NEEDS")
    file(GLOB sources CONFIGURE_DEPENDS ${CMAKE_CURRENT_SOURCE_DIR}/${name}/*.cpp)
    list(FILTER sources EXCLUDE REGEX "/main\\.cpp$")
    if(ISOGLOSS_CUDA)
        file(GLOB cuda_sources CONFIGURE_DEPENDS ${CMAKE_CURRENT_SOURCE_DIR}/${name}/*.cu)
        list(FILTER sources EXCLUDE REGEX "/no_cuda\\.cpp$")
        list(APPEND sources ${cuda_sources})
    endif()
    set(hopper_sources ${sources})
    list(FILTER hopper_sources INCLUDE REGEX "_hopper\\.cu$")
    list(FILTER sources EXCLUDE REGEX "_hopper\\.cu$")
    add_library(isogloss_${name} STATIC ${sources})
    if(hopper_sources)
        isogloss_hopper_objects(isogloss_${name}_hopper "${hopper_sources}")
        target_sources(isogloss_${name} PRIVATE $<TARGET_OBJECTS:isogloss_${name}_hopper>)
    endif()
    add_library(isogloss::${name} ALIAS isogloss_${name})
    target_include_directories(isogloss_${name} PUBLIC ${CMAKE_CURRENT_SOURCE_DIR})
    target_link_libraries(isogloss_${name} PUBLIC ${floor_NEEDS} PRIVATE isogloss_options)
    if(name STREQUAL kernels)   # which has flags of its own, and files that are tuned one by one
        return()
    endif()
    set_target_properties(isogloss_${name} PROPERTIES
        UNITY_BUILD ${ISOGLOSS_UNITY} UNITY_BUILD_BATCH_SIZE 12)
    if(floor_QUICK)
        target_compile_options(isogloss_${name} PRIVATE ${ISOGLOSS_QUICK_TO_COMPILE})
        target_precompile_headers(isogloss_${name} REUSE_FROM isogloss_quick_headers)
    else()
        target_precompile_headers(isogloss_${name} REUSE_FROM isogloss_headers)
    endif()
endfunction()
