add_executable(cli_faulty_commands cli/faulty_commands.cpp)
target_link_libraries(cli_faulty_commands PRIVATE isogloss_options isogloss::cli)
isogloss_test(cli run_main TIMEOUT 120 DEPENDS cli_faulty_commands
    DEFINITIONS ISOGLOSS_TEST_PROGRAM="$<TARGET_FILE:cli_faulty_commands>"
    ISOGLOSS_TEST_MPIEXEC="${MPIEXEC_EXECUTABLE}")
isogloss_test(cli step_load RANKS 1 2)
