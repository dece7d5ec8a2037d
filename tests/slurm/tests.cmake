# Claims about slurm/ and launch/submit. `cluster` and `queue` run a Slurm of their own on this
# machine and need root and Debian's packages slurm-wlm and munge; where they are missing they say so
# and count as skipped. Mostly they wait for the queue: another test may run beside them.
function(isogloss_slurm_test name)
    cmake_parse_arguments(PARSE_ARGV 1 test "" "TIMEOUT" "")
    add_test(NAME slurm.${name} COMMAND
        ${ISOGLOSS_PYTHON} ${CMAKE_CURRENT_SOURCE_DIR}/slurm/${name}_test.py)
    set_tests_properties(slurm.${name} PROPERTIES
        TIMEOUT ${test_TIMEOUT} LABELS "integration;slurm" SKIP_RETURN_CODE 77
        ENVIRONMENT "${ISOGLOSS_TEST_ENVIRONMENT};OMP_NUM_THREADS=1;ISOGLOSS_TEST_PROGRAM=$<TARGET_FILE:isogloss>")
endfunction()

isogloss_slurm_test(queue TIMEOUT 600)
set_tests_properties(slurm.queue PROPERTIES COST 100)   # the longest begins first
isogloss_slurm_test(cluster TIMEOUT 120)
isogloss_slurm_test(submit TIMEOUT 60)
isogloss_slurm_test(documents TIMEOUT 60)
