# Each fuzz/NAME_fuzz.cpp is a test that replays its seeds and some hundred fixed mutations; with
# ISOGLOSS_FUZZ (clang, see launch/fuzz) also a program of libFuzzer, NAME_fuzz. Files that once
# broke something lie in fuzz/seeds/NAME_fuzz/.
# Of floors above the corpus a target names the sources it needs: else clang would build the house
# for a page of them.
set(hugging_face_config_fuzz_needs checkpoint/hugging_face_config.cpp checkpoint/hugging_face_form.cpp
    model/config.cpp model/family.cpp)
file(GLOB fuzz_sources CONFIGURE_DEPENDS ${CMAKE_CURRENT_SOURCE_DIR}/fuzz/*_fuzz.cpp)
add_custom_target(isogloss_fuzz)
foreach(part judge replay_main)
    add_library(isogloss_fuzz_${part} OBJECT fuzz/${part}.cpp)
    target_link_libraries(isogloss_fuzz_${part} PRIVATE isogloss_options isogloss::base)
    target_include_directories(isogloss_fuzz_${part} PRIVATE ${CMAKE_CURRENT_SOURCE_DIR})
endforeach()
target_compile_definitions(isogloss_fuzz_replay_main PRIVATE
    ISOGLOSS_FUZZ_SEEDS="${CMAKE_CURRENT_SOURCE_DIR}/fuzz/seeds")
foreach(source IN LISTS fuzz_sources)
    get_filename_component(name ${source} NAME_WE)
    set(programs ${name}_replay)
    add_executable(${name}_replay ${source})
    target_link_libraries(${name}_replay PRIVATE isogloss_fuzz_replay_main)
    add_test(NAME fuzz.${name} COMMAND ${name}_replay)
    set_tests_properties(fuzz.${name} PROPERTIES TIMEOUT 120 LABELS fuzz
        ENVIRONMENT "${ISOGLOSS_TEST_ENVIRONMENT};OMP_NUM_THREADS=1")
    if(ISOGLOSS_FUZZ)
        list(APPEND programs ${name})
        add_executable(${name} ${source} fuzz/libfuzzer_main.cpp)
        target_link_options(${name} PRIVATE -fsanitize=fuzzer)
    endif()
    foreach(program IN LISTS programs)
        if(ISOGLOSS_FUZZ)
            list(TRANSFORM ${name}_needs PREPEND ${PROJECT_SOURCE_DIR}/src/ OUTPUT_VARIABLE needed)
            target_sources(${program} PRIVATE ${needed})
        elseif(${name}_needs)
            target_link_libraries(${program} PRIVATE isogloss::checkpoint)
        endif()
        target_link_libraries(${program} PRIVATE
            isogloss_fuzz_judge isogloss_options isogloss::corpus Boost::iostreams)
        target_include_directories(${program} PRIVATE ${CMAKE_CURRENT_SOURCE_DIR})
    endforeach()
    add_dependencies(isogloss_fuzz ${programs})
endforeach()
