// base/version.cpp
#include "base/version.h"

#include "isogloss_build.h"  // written by cmake/build_header.cmake

namespace isogloss {

char const* program_version() {
    return ISOGLOSS_BUILD_VERSION;
}

char const* program_commit() {
    return ISOGLOSS_BUILD_COMMIT;
}

char const* program_compiler() {
    return ISOGLOSS_BUILD_COMPILER;
}

}  // namespace isogloss
