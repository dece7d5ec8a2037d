// device/profile_range_cuda.cu
#include <nvtx3/nvToolsExt.h>

#include <cstdio>

#include "device/profile_range.h"

namespace isogloss::cuda {

void begin_profile_range(char const* phase, std::int64_t layer) noexcept {
    thread_local bool has_begun = false;
    if (has_begun) {
        nvtxRangePop();
    }
    has_begun = true;
    if (layer < 0) {
        nvtxRangePushA(phase);
        return;
    }
    char text[64];
    std::snprintf(text, sizeof(text), "%s %lld", phase, static_cast<long long>(layer));
    nvtxRangePushA(text);
}

}  // namespace isogloss::cuda
