// model/generation_test.cpp - the tokens that a model without a memory gives, on any ranks.
#include "model/generation.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <stdexcept>

#include "base/error.h"
#include "model/model_fixture.h"
#include "support/expect_error.h"

namespace isogloss {
namespace {

std::vector<Tokens> const kPrompts{{3, 7, 1}, {18}, {5, 5, 2, 9, 0, 11}, {4, 12}, {6, 1, 1, 8}};

constexpr std::int64_t kCount = 6;

LanguageModel model_on(ModelConfig const& config, MpiComm const& group) {
    LanguageModel model(config, test::uneven_placement(config, group.size()), group, {});
    test::set_parameters(model.parameters(), test::random_parameters(config, 4));
    return model;
}

// Scores after the last of `tokens`, read from the first one on; a classifier decides by those of
// the prompt.
std::vector<float> scores_after(
    LanguageModel& model, Tokens const& tokens, std::size_t prompt, PassRouting const& routing
) {
    auto const length = static_cast<std::int64_t>(tokens.size());
    auto batch = make_batch(1, length);
    for (std::int64_t t = 0; t < length; ++t) {
        batch.tokens.data()[t] = tokens[static_cast<std::size_t>(t)];
        batch.targets.data()[t] = static_cast<std::size_t>(t) < prompt ? 0 : kNoTarget;
        batch.position.data()[t] = static_cast<std::int32_t>(t);
        batch.document_start.data()[t] = 0;
    }
    TokenMemory memory(model.config(), 1, length);
    std::vector<std::int32_t> const last{static_cast<std::int32_t>(length) - 1};
    return model.continue_rows(batch, routing, last, memory);
}

// What every prompt goes on with, and the smallest lead of a token over the next best.
struct Expected {
    std::vector<Tokens> tokens;
    float lead = 1e9F;
};

// Token by token on one rank, each time with all tokens so far and nothing kept.
Expected greedy(LanguageModel& model, std::int64_t count, PassRouting const& routing) {
    Expected expected;
    for (auto const& prompt : kPrompts) {
        auto tokens = prompt;
        for (std::int64_t i = 0; i < count; ++i) {
            auto scores = scores_after(model, tokens, prompt.size(), routing);
            auto const best = std::ranges::max_element(scores);
            float const highest = *best;
            tokens.push_back(static_cast<std::int32_t>(best - scores.begin()));
            *best = -1e9F;
            expected.lead = std::min(expected.lead, highest - *std::ranges::max_element(scores));
        }
        expected.tokens.emplace_back(
            tokens.begin() + static_cast<std::ptrdiff_t>(prompt.size()), tokens.end()
        );
    }
    return expected;
}

// Weights with which no other order of sums can change a token: scores of size 10 are off by at
// most 500 roundings, see kFloatBound.
std::uint64_t decided_seed(LanguageModel& single, PassRouting const& routing) {
    for (std::uint64_t seed = 0; seed < 50; ++seed) {
        auto const parameters = test::random_parameters(single.config(), seed);
        test::set_parameters(single.parameters(), parameters);
        if (greedy(single, kCount, routing).lead > 1e-3F) {
            return seed;
        }
    }
    throw std::runtime_error("no seed decides all tokens");
}

void expect_greedy(ModelConfig const& config, PassRouting routing = {}) {
    auto const group = world();
    auto const alone = MpiComm::split(MPI_COMM_WORLD, group.rank(), 0);
    GenerationRequest request;
    request.prompts = kPrompts;
    request.max_tokens = kCount;
    request.routing = routing;
    request.expert = 1;
    request.wants_logits = true;
    routing.rows.expert = {1};
    auto single = model_on(config, alone);
    auto const seed = decided_seed(single, routing);
    auto model = model_on(config, group);
    test::set_parameters(model.parameters(), test::random_parameters(config, seed));
    auto const generated = generate(model, request, group);
    ASSERT_EQ(generated.size(), kPrompts.size());
    auto const expected = greedy(single, kCount, routing);
    for (std::size_t p = 0; p < kPrompts.size(); ++p) {
        EXPECT_EQ(generated[p].tokens, expected.tokens[p]) << "prompt " << p;
        EXPECT_EQ(generated[p].ending, Ending::max_tokens);
        auto const after = scores_after(single, kPrompts[p], kPrompts[p].size(), routing);
        auto const vocab = static_cast<std::ptrdiff_t>(config.vocab_size);
        ASSERT_EQ(generated[p].logits.size(), kPrompts[p].size() * after.size());
        for (std::ptrdiff_t v = 0; v < vocab; ++v) {
            // See kFloatBound: 500 roundings of scores up to 20.
            EXPECT_NEAR(
                *(generated[p].logits.end() - vocab + v), after[static_cast<std::size_t>(v)],
                20.0 * 500.0 / (1 << 24)
            );
        }
    }
}

TEST(GenerationTest, GreedyTokensAreThoseOfAModelWithoutMemory) {
    expect_greedy(test::small_config({1, 3}, DType::f32));
    expect_greedy(test::small_bloom({1, 3}, DType::f32));
    expect_greedy(test::small_gemma({1, 1}, DType::f32));
    expect_greedy(test::small_qwen3({2, 1}, DType::f32));
    expect_greedy(test::small_qwen2_moe({1, 3}, DType::f32));
}

TEST(GenerationTest, HardRoutingAndClassifiersGiveTheSameToo) {
    expect_greedy(test::small_config({2, 3}, DType::f32), {.mode = RoutingMode::hard});
    expect_greedy(test::small_qwen2_moe({2, 3}, DType::f32), {.mode = RoutingMode::hard});
    auto config = test::small_config({2, 3}, DType::f32);
    config.layers[0].classifier = {2, ClassifierSpan::sequence};
    config.layers[1].classifier = {2, ClassifierSpan::token};
    expect_greedy(config, {.classify = true});
}

TEST(GenerationTest, DrawsDependOnSeedPromptAndPlaceAlone) {
    auto const config = test::small_config({1, 2}, DType::f32);
    auto const group = world();
    auto const alone = MpiComm::split(MPI_COMM_WORLD, group.rank(), 0);
    auto model = model_on(config, group);
    auto single = model_on(config, alone);
    GenerationRequest request;
    request.prompts = kPrompts;
    request.max_tokens = 5;
    request.sampling = {.temperature = 1.5F, .top_k = 10, .top_p = 0.95F};
    auto const first = generate(model, request, group);
    auto const again = generate(single, request, alone);
    auto other = request;
    other.seed = 2;
    auto const others = generate(model, other, group);
    int different = 0;
    for (std::size_t p = 0; p < kPrompts.size(); ++p) {
        EXPECT_EQ(first[p].tokens, again[p].tokens);
        different += first[p].tokens != others[p].tokens ? 1 : 0;
    }
    EXPECT_GT(different, 2);
}

TEST(GenerationTest, ASequenceEndsAtTheStopTokenOrTheLastPosition) {
    auto const config = test::small_config({1, 2}, DType::f32);
    auto const group = world();
    auto model = model_on(config, group);
    GenerationRequest request;
    request.prompts = kPrompts;
    request.max_tokens = 20;
    auto const whole = generate(model, request, group);
    for (std::size_t p = 0; p < kPrompts.size(); ++p) {
        // 16 positions hold the prompt and all but the last token.
        EXPECT_EQ(whole[p].tokens.size(), 17 - kPrompts[p].size());
        EXPECT_EQ(whole[p].ending, Ending::positions);
    }
    request.max_tokens = 3;
    request.stop_token = whole[0].tokens[1];
    auto const stopped = generate(model, request, group);
    auto const expected = std::ranges::find(whole[0].tokens, request.stop_token);
    EXPECT_EQ(stopped[0].tokens, Tokens(whole[0].tokens.begin(), expected));
    EXPECT_EQ(stopped[0].ending, Ending::stop_token);
    request.max_tokens = 0;
    EXPECT_TRUE(generate(model, request, group)[2].tokens.empty());
}

TEST(GenerationTest, PromptsThatCannotBeReadAreRefused) {
    auto const config = test::small_config({1}, DType::f32);
    auto const group = world();
    auto model = model_on(config, group);
    auto const expect_refused = [&](Tokens const& prompt, char const* part) {
        GenerationRequest request;
        request.prompts = {{1}, prompt};
        test::expect_error(Exit::usage, part, [&] { generate(model, request, group); });
    };
    expect_refused({}, "prompt 1: no tokens");
    expect_refused({3, 19}, "token 19 is not in the vocabulary of 19");
    expect_refused(Tokens(17, 2), "17 tokens; the model takes at most 16");
}

}  // namespace
}  // namespace isogloss
