// base/version.h - which program this is; written to logs, manifests and --version.
#pragma once

namespace isogloss {

/// "0.1.0"
char const* program_version();

/// The Git commit of the build, "a1d3d01", with "+changes" where the tree was not clean; "unknown"
/// outside a repository.
char const* program_commit();

/// "GNU 12.2.0, Release"
char const* program_compiler();

}  // namespace isogloss
