// model/sampling.h - the next token, from the scores of all.
#pragma once

#include <cstdint>
#include <span>

namespace isogloss {

/// How a token is drawn. Greedy where the temperature is 0: the highest score, of equal ones the
/// lowest id.
struct Sampling {
    float temperature = 0.0F;
    std::int64_t top_k = 0;  ///< only the k most likely; 0: all
    float top_p = 1.0F;      ///< of those the fewest whose probabilities sum to at least p
};

/// Draws by p[v] ~ exp(logit[v] / temperature) among what top_k and then top_p leave, of equal
/// scores the lower ids first. Nucleus sampling: Holtzman et al., arXiv:1904.09751, section 3.1.
/// @param logits   [V], V >= 1
/// @param uniform  in [0, 1); decides
std::int32_t sample_token(std::span<float const> logits, Sampling const& sampling, double uniform);

}  // namespace isogloss
