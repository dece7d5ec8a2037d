# Python unittests of data/: packages, downloads and their faults are made by the tests; no network.
# A test that finds no pyarrow says so and counts as skipped.
function(isogloss_data_test name)
    cmake_parse_arguments(PARSE_ARGV 1 test "" "TIMEOUT" "")
    add_test(NAME data.${name} COMMAND
        ${ISOGLOSS_PYTHON} ${CMAKE_CURRENT_SOURCE_DIR}/data/${name}_test.py)
    set_tests_properties(data.${name} PROPERTIES TIMEOUT ${test_TIMEOUT} SKIP_RETURN_CODE 77
        ENVIRONMENT "${ISOGLOSS_TEST_ENVIRONMENT}")
endfunction()

isogloss_data_test(libreoffice TIMEOUT 120)
isogloss_data_test(languages TIMEOUT 60)
isogloss_data_test(documents TIMEOUT 60)
isogloss_data_test(udhr TIMEOUT 120)
isogloss_data_test(ntrex TIMEOUT 120)
isogloss_data_test(web TIMEOUT 120)
isogloss_data_test(parquet TIMEOUT 120)
isogloss_data_test(readme TIMEOUT 60)
