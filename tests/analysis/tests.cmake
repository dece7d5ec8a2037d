# Python unittests of analysis/, with numpy and matplotlib of launch/setup.
# A test that finds no matplotlib says so and counts as skipped.
function(isogloss_analysis_test name)
    cmake_parse_arguments(PARSE_ARGV 1 test "" "TIMEOUT" "LABELS")
    add_test(NAME analysis.${name} COMMAND
        ${ISOGLOSS_PYTHON} ${CMAKE_CURRENT_SOURCE_DIR}/analysis/${name}_test.py)
    set_tests_properties(analysis.${name} PROPERTIES
        TIMEOUT ${test_TIMEOUT} LABELS "${test_LABELS}" SKIP_RETURN_CODE 77
        ENVIRONMENT "${ISOGLOSS_TEST_ENVIRONMENT};OMP_NUM_THREADS=1;ISOGLOSS_TEST_PROGRAM=$<TARGET_FILE:isogloss>")
endfunction()

isogloss_analysis_test(inputs TIMEOUT 120)
isogloss_analysis_test(linkage TIMEOUT 120)
isogloss_analysis_test(figures TIMEOUT 300)
isogloss_analysis_test(report TIMEOUT 300)
isogloss_analysis_test(seed_table TIMEOUT 120)
isogloss_analysis_test(program TIMEOUT 300 LABELS integration)
