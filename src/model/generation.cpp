// model/generation.cpp
#include "model/generation.h"

#include <algorithm>
#include <numeric>

#include "base/random.h"
#include "base/require.h"
#include "comm/collective.h"

namespace isogloss {
namespace {

void check_prompts(GenerationRequest const& request, ModelConfig const& config) {
    for (std::size_t p = 0; p < request.prompts.size(); ++p) {
        auto const& prompt = request.prompts[p];
        auto const length = static_cast<std::int64_t>(prompt.size());
        require_usage(!prompt.empty(), "prompt {}: no tokens; a model reads at least one", p);
        require_usage(
            length <= config.max_positions, "prompt {}: {} tokens; the model takes at most {}", p,
            length, config.max_positions
        );
        for (auto const token : prompt) {
            require_usage(
                token >= 0 && token < config.vocab_size,
                "prompt {}: token {} is not in the vocabulary of {}", p, token, config.vocab_size
            );
        }
    }
}

// One prompt of this rank and what has come after it.
struct Sequence {
    std::size_t prompt = 0;
    Tokens tokens;  ///< the prompt's, then others
    std::int64_t prompt_length = 0;
    bool is_done = false;
    Ending ending = Ending::max_tokens;

    [[nodiscard]] std::int64_t length() const { return static_cast<std::int64_t>(tokens.size()); }
    [[nodiscard]] std::int64_t generated() const { return length() - prompt_length; }
};

// The prompts of one rank.
class Continuation {
public:
    Continuation(LanguageModel& model, GenerationRequest const& request, MpiComm const& world)
        : model_(model),
          request_(request),
          sequences_(own_sequences(request, world)),
          memory_(model.config(), static_cast<std::int64_t>(sequences_.size()), capacity()) {
        routing_ = request.routing;
        routing_.rows.expert.assign(sequences_.size(), request.expert);
    }

    /// Reads the prompts and draws the first tokens.
    void begin() {
        Tokens tokens;
        Tokens targets;
        Tokens position;
        auto const length = longest_prompt();
        for (auto const& its : sequences_) {
            for (std::int64_t t = 0; t < length; ++t) {
                bool const inside = t < its.prompt_length;
                tokens.push_back(inside ? its.tokens[static_cast<std::size_t>(t)] : 0);
                targets.push_back(inside ? 0 : kNoTarget);
                position.push_back(static_cast<std::int32_t>(t));
            }
        }
        auto const batch = batch_of(length, tokens, targets, position);
        Tokens wanted(tokens.size());
        std::iota(wanted.begin(), wanted.end(), 0);
        if (!request_.wants_logits) {
            wanted = last_places(length);
        }
        auto const logits = model_.continue_rows(batch, routing_, wanted, memory_);
        if (request_.wants_logits) {
            return keep_logits(logits, length);
        }
        draw(logits);
    }
    /// Reads the last tokens and draws the next ones.
    void step() {
        Tokens tokens;
        Tokens position;
        for (auto const& its : sequences_) {
            tokens.push_back(its.tokens.back());
            // Those that are done stay where they are; nobody looks at what follows them.
            auto const place = std::min(its.length(), memory_.capacity()) - 1;
            position.push_back(static_cast<std::int32_t>(place));
        }
        auto const batch = batch_of(1, tokens, Tokens(tokens.size(), kNoTarget), position);
        draw(model_.continue_rows(batch, routing_, last_places(1), memory_));
    }
    [[nodiscard]] bool is_done() const {
        return std::ranges::all_of(sequences_, &Sequence::is_done);
    }
    [[nodiscard]] std::vector<Sequence> const& sequences() const { return sequences_; }
    /// [sequence][tokens of its prompt][V] where they are wanted.
    [[nodiscard]] std::vector<std::vector<float>> const& logits() const { return logits_; }

private:
    static std::vector<Sequence> own_sequences(
        GenerationRequest const& request, MpiComm const& world
    ) {
        std::vector<Sequence> own;
        auto const ranks = static_cast<std::size_t>(world.size());
        for (auto p = static_cast<std::size_t>(world.rank()); p < request.prompts.size();
             p += ranks) {
            auto const& prompt = request.prompts[p];
            own.push_back({p, prompt, static_cast<std::int64_t>(prompt.size())});
        }
        return own;
    }
    [[nodiscard]] std::int64_t longest_prompt() const {
        std::int64_t longest = 1;
        for (auto const& its : sequences_) {
            longest = std::max(longest, its.prompt_length);
        }
        return longest;
    }
    [[nodiscard]] std::int64_t capacity() const {
        return std::min(longest_prompt() + request_.max_tokens, model_.config().max_positions);
    }
    [[nodiscard]] Batch batch_of(
        std::int64_t length, Tokens const& tokens, Tokens const& targets, Tokens const& position
    ) const {
        auto batch = make_batch(static_cast<std::int64_t>(sequences_.size()), length);
        std::ranges::copy(tokens, batch.tokens.data());
        std::ranges::copy(targets, batch.targets.data());
        std::ranges::copy(position, batch.position.data());
        std::fill_n(batch.document_start.data(), batch.size(), 0);
        return batch;
    }
    // Where in the batch each prompt ends, or where its only token is.
    [[nodiscard]] Tokens last_places(std::int64_t length) const {
        Tokens places;
        for (std::size_t s = 0; s < sequences_.size(); ++s) {
            auto const last = std::min(sequences_[s].prompt_length, length) - 1;
            places.push_back(static_cast<std::int32_t>(static_cast<std::int64_t>(s) * length + last)
            );
        }
        return places;
    }
    void keep_logits(std::vector<float> const& all, std::int64_t length) {
        auto const vocab_size = model_.config().vocab_size;
        std::vector<float> last;
        for (std::size_t s = 0; s < sequences_.size(); ++s) {
            auto const begin = all.begin() + static_cast<std::int64_t>(s) * length * vocab_size;
            auto const end = begin + sequences_[s].prompt_length * vocab_size;
            logits_.emplace_back(begin, end);
            last.insert(last.end(), end - vocab_size, end);
        }
        draw(last);
    }
    // @param logits  [sequence][V]
    void draw(std::vector<float> const& logits) {
        auto const vocab_size = static_cast<std::size_t>(model_.config().vocab_size);
        for (std::size_t s = 0; s < sequences_.size(); ++s) {
            auto& its = sequences_[s];
            if (!its.is_done) {
                draw_one(its, std::span(logits).subspan(s * vocab_size, vocab_size));
            }
        }
    }
    void draw_one(Sequence& its, std::span<float const> logits) {
        auto const end = [&](Ending ending) {
            its.is_done = true;
            its.ending = ending;
        };
        if (its.generated() == request_.max_tokens) {
            return end(Ending::max_tokens);
        }
        auto const uniform = random_uniform(
            request_.seed, random_stream("generate") + its.prompt,
            static_cast<std::uint64_t>(its.generated())
        );
        auto const token = sample_token(logits, request_.sampling, uniform);
        if (token == request_.stop_token) {
            return end(Ending::stop_token);
        }
        its.tokens.push_back(token);
        if (its.generated() == request_.max_tokens) {
            end(Ending::max_tokens);
        } else if (its.length() > model_.config().max_positions) {
            end(Ending::positions);
        }
    }

    LanguageModel& model_;
    GenerationRequest const& request_;
    std::vector<Sequence> sequences_;
    TokenMemory memory_;
    PassRouting routing_;
    std::vector<std::vector<float>> logits_;
};

// What every rank has, for all: sums in which all but one rank's terms are 0.
std::vector<Generation> gathered(
    Continuation const& own, GenerationRequest const& request, MpiComm const& world
) {
    auto const stride = static_cast<std::size_t>(request.max_tokens) + 2;
    std::vector<std::int64_t> flat(request.prompts.size() * stride, 0);
    for (auto const& its : own.sequences()) {
        auto* const to = flat.data() + its.prompt * stride;
        to[0] = its.generated();
        to[1] = static_cast<std::int64_t>(its.ending);
        std::copy(its.tokens.begin() + its.prompt_length, its.tokens.end(), to + 2);
    }
    sum_over(std::span(flat), world);
    std::vector<Generation> all(request.prompts.size());
    for (std::size_t p = 0; p < all.size(); ++p) {
        auto const* const from = flat.data() + p * stride;
        all[p].ending = static_cast<Ending>(from[1]);
        for (std::int64_t i = 0; i < from[0]; ++i) {
            all[p].tokens.push_back(static_cast<std::int32_t>(from[2 + i]));
        }
    }
    return all;
}

void gather_logits(
    Continuation const& own,
    GenerationRequest const& request,
    std::int64_t vocab_size,
    MpiComm const& world,
    std::vector<Generation>& all
) {
    for (std::size_t p = 0; p < all.size(); ++p) {
        all[p].logits.assign(
            request.prompts[p].size() * static_cast<std::size_t>(vocab_size), 0.0F
        );
    }
    for (std::size_t s = 0; s < own.sequences().size(); ++s) {
        all[own.sequences()[s].prompt].logits = own.logits()[s];
    }
    for (auto& its : all) {
        auto const size = static_cast<std::int64_t>(its.logits.size());
        all_reduce_sum({its.logits.data(), {size}, Device::cpu}, world, Stream{});
    }
}

}  // namespace

char const* name_of(Ending ending) {
    switch (ending) {
        case Ending::max_tokens: return "max-tokens";
        case Ending::stop_token: return "separator";
        case Ending::positions: return "positions";
    }
    return "";
}

std::vector<Generation> generate(
    LanguageModel& model, GenerationRequest const& request, MpiComm const& world
) {
    check_prompts(request, model.config());
    Continuation own(model, request, world);
    own.begin();
    while (any_of(!own.is_done(), world)) {
        own.step();
    }
    auto all = gathered(own, request, world);
    if (request.wants_logits) {
        gather_logits(own, request, model.config().vocab_size, world, all);
    }
    return all;
}

}  // namespace isogloss
