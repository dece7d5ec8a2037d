# isogloss_test(FLOOR NAME  [RANKS n...]  [TIMEOUT seconds]  [NEEDS target...]  [LABELS label...]
#               [DEVICES device...]  [DEFINITIONS name=value...]  [DEPENDS target...])
# tests/FLOOR/NAME_test.cpp, which tests src/FLOOR/NAME.h. A floor's tests are up to three programs,
# FLOOR_tests, FLOOR_mpi_tests of those with RANKS and FLOOR_device_tests of those with DEVICES;
# ctest runs them once a file: PROGRAM --file NAME_test.cpp. With RANKS that is under mpirun, once a
# rank count, with one OpenMP thread a rank. A hang is a failure. The label `threads` marks tests of
# std::thread code: they alone run under the thread sanitizer (target isogloss_thread_tests), which
# cannot see how libgomp's threads wait for each other and finds races in OpenMP loops that have none.
#
# DEVICES, of cpu, cuda and cuda_shifted: the same test runs once a device, which
# tests/support/test_device.h tells it. Runs for a GPU are there in a build with CUDA only, have the
# label `gpu`, take turns, and count as skipped where there is no GPU.
#
# NEEDS, DEFINITIONS and DEPENDS are the whole program's. With ISOGLOSS_UNITY its files are compiled
# several at a time, so names within `namespace {` are unique in a floor's tests.
# When a rank has failed, mpirun gives the others a second and then kills them; ours have said all by
# then, or stand still.
set(ISOGLOSS_TEST_ENVIRONMENT
    OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1
    OMPI_MCA_rmaps_base_oversubscribe=1 OMPI_MCA_mpi_yield_when_idle=1
    OMPI_MCA_odls_base_sigkill_timeout=0
    OMP_WAIT_POLICY=passive ASAN_OPTIONS=detect_leaks=0:allocator_may_return_null=1
    TSAN_OPTIONS=ignore_noninstrumented_modules=1)

add_custom_target(isogloss_thread_tests)

# Programs of one process: those of the kernels take two cores, the others leave one to another test.
function(isogloss_add_test run timeout labels)
    add_test(NAME ${run} COMMAND ${ARGN})
    set(cores 1)
    if(run MATCHES "^kernels\\.")
        set(cores 2)
    endif()
    set_tests_properties(${run} PROPERTIES
        TIMEOUT ${timeout} ENVIRONMENT "${ISOGLOSS_TEST_ENVIRONMENT};OMP_NUM_THREADS=2"
        PROCESSORS ${cores} LABELS "${labels}")
endfunction()

# Adds a file to the program of tests TARGET, which it makes of support/MAIN_main.cpp at first.
function(isogloss_add_test_file target main file)
    cmake_parse_arguments(PARSE_ARGV 3 test "" "" "NEEDS;DEFINITIONS;DEPENDS")
    if(NOT TARGET ${target})
        add_executable(${target})
        target_link_libraries(${target} PRIVATE isogloss_${main}_main isogloss_options GTest::gtest)
        target_include_directories(${target} PRIVATE ${CMAKE_CURRENT_SOURCE_DIR})
        target_compile_options(${target} PRIVATE ${ISOGLOSS_QUICK_TO_COMPILE})
        target_precompile_headers(${target} REUSE_FROM isogloss_test_headers)
        set_target_properties(${target} PROPERTIES
            UNITY_BUILD ${ISOGLOSS_UNITY} UNITY_BUILD_BATCH_SIZE 10)
    endif()
    target_sources(${target} PRIVATE ${file})
    target_link_libraries(${target} PRIVATE ${test_NEEDS})
    target_compile_definitions(${target} PRIVATE ${test_DEFINITIONS})
    if(test_DEPENDS)
        add_dependencies(${target} ${test_DEPENDS})
    endif()
endfunction()

function(isogloss_test floor name)
    cmake_parse_arguments(PARSE_ARGV 2 test "" "TIMEOUT"
        "RANKS;NEEDS;LABELS;DEVICES;DEFINITIONS;DEPENDS")
    if(NOT test_TIMEOUT)
        set(test_TIMEOUT 60)
    endif()
    if(ISOGLOSS_SANITIZE)   # some are 20 times slower so
        math(EXPR test_TIMEOUT "10 * ${test_TIMEOUT}")
    endif()
    if(ISOGLOSS_SANITIZE MATCHES thread AND NOT "threads" IN_LIST test_LABELS)
        return()
    endif()
    set(main plain)
    set(target ${floor}_tests)
    if(test_RANKS)
        set(main mpi)
        set(target ${floor}_mpi_tests)
    elseif(test_DEVICES)
        set(main device)
        set(target ${floor}_device_tests)
    endif()
    set(file ${name}_test.cpp)
    isogloss_add_test_file(${target} ${main} ${floor}/${file}
        NEEDS isogloss::${floor} ${test_NEEDS}
        DEFINITIONS ${test_DEFINITIONS} DEPENDS ${test_DEPENDS})
    if("threads" IN_LIST test_LABELS)
        add_dependencies(isogloss_thread_tests ${target})
    endif()

    if(main STREQUAL plain)
        isogloss_add_test(${floor}.${name} "${test_TIMEOUT}" "${test_LABELS}"
            ${target} --file ${file})
    endif()
    foreach(device IN LISTS test_DEVICES)
        set(run ${floor}.${name})
        set(labels "${test_LABELS}")
        if(NOT device STREQUAL cpu)
            if(NOT ISOGLOSS_CUDA)
                continue()
            endif()
            string(APPEND run .${device})
            list(APPEND labels gpu)
        endif()
        isogloss_add_test(${run} "${test_TIMEOUT}" "${labels}" ${target} --file ${file})
        set_property(TEST ${run} APPEND PROPERTY ENVIRONMENT ISOGLOSS_TEST_DEVICE=${device})
        if("gpu" IN_LIST labels)
            set_tests_properties(${run} PROPERTIES SKIP_RETURN_CODE 77 RESOURCE_LOCK gpu)
        endif()
    endforeach()
    foreach(ranks IN LISTS test_RANKS)
        set(run ${floor}.${name}.${ranks}_ranks)
        add_test(NAME ${run} COMMAND
            ${MPIEXEC_EXECUTABLE} ${MPIEXEC_NUMPROC_FLAG} ${ranks} ${MPIEXEC_PREFLAGS}
            $<TARGET_FILE:${target}> --file ${file})
        set(cores 1)   # half of a short run is the start and the end of mpirun, which wait
        if(ranks GREATER 2)
            set(cores 2)
        endif()
        set_tests_properties(${run} PROPERTIES
            TIMEOUT ${test_TIMEOUT} PROCESSORS ${cores} LABELS "mpi;${test_LABELS}" ENVIRONMENT
            "${ISOGLOSS_TEST_ENVIRONMENT};OMP_NUM_THREADS=1;ISOGLOSS_TEST_RANKS=${ranks}")
    endforeach()
endfunction()
