# The real program, under mpirun where it has ranks. `ctest -L integration` runs these alone.
function(isogloss_program_test name)
    cmake_parse_arguments(PARSE_ARGV 1 test "" "TIMEOUT" "LABELS")
    isogloss_add_test_file(integration_tests plain integration/${name}_test.cpp
        NEEDS isogloss::comm DEPENDS isogloss
        DEFINITIONS ISOGLOSS_TEST_PROGRAM="$<TARGET_FILE:isogloss>"
        ISOGLOSS_TEST_MPIEXEC="${MPIEXEC_EXECUTABLE}" ISOGLOSS_TEST_SOURCE="${PROJECT_SOURCE_DIR}")
    add_test(NAME integration.${name} COMMAND integration_tests --file ${name}_test.cpp)
    set_tests_properties(integration.${name} PROPERTIES
        TIMEOUT ${test_TIMEOUT} LABELS "integration;${test_LABELS}"
        ENVIRONMENT "${ISOGLOSS_TEST_ENVIRONMENT};OMP_NUM_THREADS=1")
endfunction()

# Half of their time and more they wait, for a program to start or to end or for a watchdog: another
# test may run beside them. The longest begins first.
isogloss_program_test(chain TIMEOUT 300)
isogloss_program_test(checkpoints TIMEOUT 300)
isogloss_program_test(faults TIMEOUT 300 LABELS faults)
isogloss_program_test(crashes TIMEOUT 600 LABELS faults)
isogloss_program_test(stopping TIMEOUT 300 LABELS faults)
isogloss_program_test(interruption TIMEOUT 300)
isogloss_program_test(help TIMEOUT 60)
isogloss_program_test(families TIMEOUT 300)
isogloss_program_test(grouping TIMEOUT 60)
isogloss_program_test(plans TIMEOUT 60)
isogloss_program_test(methods TIMEOUT 600)
set_tests_properties(integration.crashes PROPERTIES COST 100)
