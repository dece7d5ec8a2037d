// model/generation.h - tokens after prompts, one step of all ranks after the other.
#pragma once

#include <cstdint>
#include <vector>

#include "model/language_model.h"
#include "model/sampling.h"

namespace isogloss {

using Tokens = std::vector<std::int32_t>;

struct GenerationRequest {
    std::vector<Tokens> prompts;  ///< each at least one token, as the model is to read them
    std::int64_t max_tokens = 64;
    std::int32_t stop_token = -1;  ///< ends a sequence and is not part of it; -1: none does
    Sampling sampling = {};
    std::uint64_t seed = 1;  ///< token i of prompt p is drawn by (seed, p, i), on any ranks
    /// Without labels of rows.
    PassRouting routing = {};
    std::int32_t expert = -1;  ///< of hard routing, for all prompts
    /// Also scores of what follows each token of the prompts.
    bool wants_logits = false;
};

enum class Ending : std::uint8_t {
    max_tokens,
    stop_token,
    positions,  ///< the model has no more
};

char const* name_of(Ending ending);

struct Generation {
    Tokens tokens;  ///< after the prompt
    Ending ending = Ending::max_tokens;
    std::vector<float> logits;  ///< [tokens of the prompt][V] where they are wanted
};

/// Prompt p is continued on rank p mod P, whose experts are where training has them; every rank
/// steps until all are done. A classifier that decides about sequences decides by the prompt's
/// tokens, once.
///
/// Collective over `world`; the same answer on every rank.
/// @throws Error  (usage) for a prompt without tokens, with an id outside the vocabulary, or with
///         more tokens than the model has positions
std::vector<Generation> generate(
    LanguageModel& model, GenerationRequest const& request, MpiComm const& world
);

}  // namespace isogloss
