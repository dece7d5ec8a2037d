# The commands of README.md and docs/, run as a reader runs them, on text and models of seconds.
add_test(NAME documents.commands COMMAND
    ${ISOGLOSS_PYTHON} ${CMAKE_CURRENT_SOURCE_DIR}/documents/commands_test.py)
set_tests_properties(documents.commands PROPERTIES
    TIMEOUT 300 LABELS integration
    ENVIRONMENT "${ISOGLOSS_TEST_ENVIRONMENT};OMP_NUM_THREADS=1;ISOGLOSS_TEST_PROGRAM=$<TARGET_FILE:isogloss>")
