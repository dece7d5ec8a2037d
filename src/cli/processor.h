// cli/processor.h - does this processor have what the program was built for?
#pragma once

#include <string>

namespace isogloss {

/// Instruction sets that the compiler was allowed to use: "avx2 fma avx512f".
std::string built_for();

/// @throws Error  (environment) that names the instruction sets this processor lacks, where the
/// program would otherwise die of an illegal instruction in the middle of its work
void require_processor();

}  // namespace isogloss
