// checkpoint/diff.h - which tensors of two checkpoints have the same bits.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "checkpoint/manifest.h"
#include "model/parameters.h"

namespace isogloss {

enum class Difference : std::uint8_t { equal, different, only_in_a, only_in_b };

constexpr char const* name_of(Difference difference) {
    switch (difference) {
        case Difference::equal: return "equal";
        case Difference::different: return "different";
        case Difference::only_in_a: return "only in A";
        case Difference::only_in_b: return "only in B";
    }
    return "?";
}

struct TensorDifference {
    std::string name;
    Part part = Part::backbone;
    std::int32_t layer = -1;
    std::int32_t expert = -1;
    Difference difference = Difference::equal;
};

/// Tensors of one part, counted.
struct PartCount {
    std::int64_t equal = 0;
    std::int64_t different = 0;
    std::int64_t only_in_a = 0;
    std::int64_t only_in_b = 0;
};

struct CheckpointDiff {
    std::vector<TensorDifference> tensors;  ///< A's in A's order, then those only in B
    PartCount backbone;
    PartCount routers;
    PartCount experts;                  ///< in tensors
    std::int64_t old_experts = 0;       ///< experts of A
    std::int64_t old_experts_kept = 0;  ///< of these, all tensors equal in B
    std::int64_t new_experts = 0;       ///< experts of B that A has not
};

/// Compares the parameters by shape, type and hash; state of the optimizer is left out. Hashes are
/// those of the manifests: verify_checkpoint shows that the files have them.
CheckpointDiff diff_checkpoints(Manifest const& a, Manifest const& b);

}  // namespace isogloss
