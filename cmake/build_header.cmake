# Run at every build (cmake -P): writes OUTPUT with the version and the commit, only when they
# changed, so that nothing is compiled again for nothing.
execute_process(COMMAND git -C ${SOURCE} rev-parse --short=10 HEAD
    OUTPUT_VARIABLE commit OUTPUT_STRIP_TRAILING_WHITESPACE ERROR_QUIET RESULT_VARIABLE failed)
if(failed)
    set(commit unknown)
else()
    execute_process(COMMAND git -C ${SOURCE} status --porcelain --untracked-files=no
        OUTPUT_VARIABLE changes ERROR_QUIET)
    if(changes)
        string(APPEND commit +changes)
    endif()
endif()
file(CONFIGURE OUTPUT ${OUTPUT} CONTENT
"#define ISOGLOSS_BUILD_VERSION \"${VERSION}\"
#define ISOGLOSS_BUILD_COMMIT \"${commit}\"
#define ISOGLOSS_BUILD_COMPILER \"${COMPILER}\"
")
