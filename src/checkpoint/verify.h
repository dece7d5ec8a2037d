// checkpoint/verify.h - does a checkpoint on disk still have the bytes its manifest names?
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "checkpoint/manifest.h"

namespace isogloss {

/// Which files this process looks at: those whose place in the manifest is `index` modulo `count`.
struct VerifyShare {
    int index = 0;
    int count = 1;
    int threads = 1;
};

struct VerifyReport {
    std::int64_t files = 0;
    std::int64_t bytes = 0;
    std::vector<std::string> problems;  ///< in the manifest's order, each with its file
};

/// Hashes every file of the share, and every tensor in it, and compares with the manifest. Also
/// reports files in the folder that the manifest does not know (share 0).
/// @param progress  called now and then with the bytes done so far, from one thread at a time
VerifyReport verify_checkpoint(
    StoredCheckpoint const& checkpoint,
    VerifyShare const& share,
    std::function<void(std::int64_t)> const& progress = {}
);

}  // namespace isogloss
