// device/no_cuda.h - what a CUDA function does in a build without CUDA.
#pragma once

namespace isogloss {

/// @throws Error  (environment) that says how to build with CUDA; `what` names the function
[[noreturn]] void fail_without_cuda(char const* what);

}  // namespace isogloss
