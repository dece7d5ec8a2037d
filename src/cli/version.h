// cli/version.h - what `isogloss --version` says.
#pragma once

#include <string>

namespace isogloss {

/// Version and commit, compiler, processor features built for, libraries found at run time.
std::string version_text();

}  // namespace isogloss
