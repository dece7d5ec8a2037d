// model/token_memory_test.cpp - sequences read piece by piece give what whole rows give.
#include "model/token_memory.h"

#include <gtest/gtest.h>

#include <cmath>
#include <numeric>

#include "base/error.h"
#include "model/model_fixture.h"
#include "support/expect_error.h"

namespace isogloss {
namespace {

constexpr std::int64_t kLength = 9;

// Sequences of this rank: one, none, two, one; their prompts have 4, 6, ... tokens.
struct Sequences {
    Sequences(ModelConfig const& config, int rank) {
        std::vector<std::int64_t> const counts{1, 0, 2, 1};
        auto const rows = counts.at(static_cast<std::size_t>(rank));
        for (std::int64_t row = 0; row < rows; ++row) {
            prompt.push_back(rank == 0 ? 5 : 4 + 2 * row);
            tokens.emplace_back();
            for (std::int64_t t = 0; t < kLength; ++t) {
                auto const index = static_cast<std::uint64_t>(100 * rank + 10 * row + t);
                tokens.back().push_back(static_cast<std::int32_t>(
                    random_bits(5, 1, index) % static_cast<std::uint64_t>(config.vocab_size)
                ));
            }
        }
    }
    [[nodiscard]] std::int64_t rows() const { return static_cast<std::int64_t>(tokens.size()); }

    std::vector<std::vector<std::int32_t>> tokens;
    std::vector<std::int64_t> prompt;
};

Buffer<std::int32_t> list_of(std::vector<std::int32_t> const& from) {
    Buffer<std::int32_t> to(Device::cpu, static_cast<std::int64_t>(from.size()));
    std::ranges::copy(from, to.data());
    return to;
}

// Token begin(row) + t of every row, t in [0, length); targets count inside the prompt.
Batch piece(Sequences const& all, std::int64_t length, std::vector<std::int64_t> const& begin) {
    std::vector<std::int32_t> tokens;
    std::vector<std::int32_t> targets;
    std::vector<std::int32_t> position;
    for (std::size_t row = 0; row < all.tokens.size(); ++row) {
        for (std::int64_t t = begin[row]; t < begin[row] + length; ++t) {
            tokens.push_back(all.tokens[row][static_cast<std::size_t>(t)]);
            targets.push_back(t < all.prompt[row] ? 1 : -1);
            position.push_back(static_cast<std::int32_t>(t));
        }
    }
    Batch batch;
    batch.rows = all.rows();
    batch.row_length = length;
    batch.document_start = list_of(std::vector<std::int32_t>(tokens.size(), 0));
    batch.tokens = list_of(tokens);
    batch.targets = list_of(targets);
    batch.position = list_of(position);
    batch.language.assign(static_cast<std::size_t>(batch.rows), 0);
    return batch;
}

std::vector<std::int32_t> all_tokens(std::int64_t count) {
    std::vector<std::int32_t> list(static_cast<std::size_t>(count));
    std::iota(list.begin(), list.end(), 0);
    return list;
}

// Scores at every place of every row, [row][place][V], read at once.
std::vector<float> read_whole(
    LanguageModel& model, Sequences const& all, PassRouting const& routing
) {
    TokenMemory memory(model.config(), all.rows(), kLength);
    std::vector<std::int64_t> const begin(all.tokens.size(), 0);
    auto const wanted = all_tokens(all.rows() * kLength);
    return model.continue_rows(piece(all, kLength, begin), routing, wanted, memory);
}

// Each score near that of the whole row, from the end of the prompt on.
void expect_same(
    std::vector<float> const& got,
    std::vector<float> const& whole,
    std::vector<std::int64_t> const& place,
    std::int64_t vocab_size,
    double bound
) {
    for (std::size_t row = 0; row < place.size(); ++row) {
        for (std::int64_t v = 0; v < vocab_size; ++v) {
            auto const expected =
                (static_cast<std::int64_t>(row) * kLength + place[row]) * vocab_size + v;
            ASSERT_NEAR(
                got[row * static_cast<std::size_t>(vocab_size) + static_cast<std::size_t>(v)],
                whole[static_cast<std::size_t>(expected)], bound
            ) << "row "
              << row << ", place " << place[row];
        }
    }
}

// Reads the prompts, then token by token.
void expect_pieces_like_whole(ModelConfig const& config, PassRouting routing, double bound) {
    auto const group = world();
    LanguageModel model(config, test::uneven_placement(config, group.size()), group, {});
    test::set_parameters(model.parameters(), test::random_parameters(config, 4));
    Sequences const all(config, group.rank());
    routing.rows.expert.assign(all.tokens.size(), 1);
    auto const whole = read_whole(model, all, routing);

    TokenMemory memory(config, all.rows(), kLength);
    auto const longest = all.prompt.empty() ? 1 : *std::ranges::max_element(all.prompt);
    std::vector<std::int64_t> place;
    std::vector<std::int32_t> last;
    for (std::size_t row = 0; row < all.prompt.size(); ++row) {
        place.push_back(all.prompt[row] - 1);
        last.push_back(
            static_cast<std::int32_t>(static_cast<std::int64_t>(row) * longest + place[row])
        );
    }
    std::vector<std::int64_t> const begin(all.tokens.size(), 0);
    auto got = model.continue_rows(piece(all, longest, begin), routing, last, memory);
    expect_same(got, whole, place, config.vocab_size, bound);
    for (int step = 0; step < 3; ++step) {
        for (auto& at : place) {
            ++at;
        }
        got = model.continue_rows(piece(all, 1, place), routing, all_tokens(all.rows()), memory);
        expect_same(got, whole, place, config.vocab_size, bound);
    }
}

// Scores are sums of 12 products of size 1; both ways round as often as kFloatBound counts, on
// values up to 20, and differ where sums are in another order.
constexpr double kFloatScores = 20.0 * 500.0 / (1 << 24);

TEST(TokenMemoryTest, PiecesOfEveryFamilyGiveTheScoresOfTheWhole) {
    expect_pieces_like_whole(test::small_config({1, 3}, DType::f32), {}, kFloatScores);
    expect_pieces_like_whole(test::small_bloom({1, 3}, DType::f32), {}, kFloatScores);
    expect_pieces_like_whole(test::small_gemma({1, 3}, DType::f32), {}, kFloatScores);
    expect_pieces_like_whole(test::small_qwen3({1, 3}, DType::f32), {}, kFloatScores);
    expect_pieces_like_whole(test::small_llama3({1, 3}, DType::f32), {}, kFloatScores);
}

TEST(TokenMemoryTest, HardRoutingGivesTheScoresOfTheWhole) {
    auto const config = test::small_config({2, 3}, DType::f32);
    expect_pieces_like_whole(config, {.mode = RoutingMode::hard}, kFloatScores);
}

TEST(TokenMemoryTest, AClassifierDecidesByThePromptForAllThatFollows) {
    for (auto const span : {ClassifierSpan::sequence, ClassifierSpan::token}) {
        auto config = test::small_config({2, 3}, DType::f32);
        for (auto& layer : config.layers) {
            layer.classifier = {2, span};
        }
        expect_pieces_like_whole(config, {.classify = true}, kFloatScores);
    }
}

TEST(TokenMemoryTest, Bf16DiffersByItsRoundings) {
    // 36 roundings of 2^-8 on scores up to 20, independent: five deviations of 6 u / sqrt(3). No
    // experts, whose choice a rounding may change.
    double const bound = 20.0 * 5.0 * 6.0 / std::sqrt(3.0) / 256.0;
    expect_pieces_like_whole(test::small_bloom({1, 1}, DType::bf16), {}, bound);
}

// Scores at all places of the fixture's rows beside the losses of an evaluation.
void expect_losses_of_evaluation(Fixture& fixture) {
    auto const& config = fixture.config;
    // Rows of one document, as a memory has them.
    for (std::int64_t n = 0; n < fixture.batch.size(); ++n) {
        fixture.batch.position.data()[n] = static_cast<std::int32_t>(n % 7);
        fixture.batch.document_start.data()[n] = 0;
    }
    auto const losses = fixture.evaluate();
    TokenMemory memory(config, fixture.batch.rows, 7);
    auto const scores = fixture.model.continue_rows(
        fixture.batch, fixture.routing(), all_tokens(fixture.batch.size()), memory
    );
    for (std::int64_t row = 0; row < fixture.batch.rows; ++row) {
        double sum = 0.0;
        for (auto n = row * 7; n < row * 7 + 7; ++n) {
            auto const target = fixture.batch.targets.data()[n];
            auto const* const token = scores.data() + n * config.vocab_size;
            double total = 0.0;
            for (std::int64_t v = 0; v < config.vocab_size; ++v) {
                total += std::exp(static_cast<double>(token[v]));
            }
            sum += target < 0 ? 0.0 : std::log(total) - static_cast<double>(token[target]);
        }
        // The same scores; a loss sums 19 exponentials in float.
        EXPECT_NEAR(losses.row_loss[static_cast<std::size_t>(row)], sum, 64.0 / (1 << 24) * sum);
    }
}

TEST(TokenMemoryTest, ScoresHaveTheLossOfAnEvaluation) {
    Fixture fixture(test::small_qwen3({1, 2}, DType::f32), kFloatMargin);
    expect_losses_of_evaluation(fixture);
}

TEST(TokenMemoryTest, ClassifiersDecideAsInAnEvaluation) {
    auto config = test::small_config({3, 3}, DType::f32);
    for (auto& layer : config.layers) {
        layer.classifier = {2, ClassifierSpan::sequence};
    }
    Fixture fixture(config, kFloatMargin, test::small_batch(config), {.classify = true});
    expect_losses_of_evaluation(fixture);
    // Some rows are of class 1: with all of class 0 every token would go to expert 0.
    auto const asked = fixture.evaluate();
    std::int64_t elsewhere = 0;
    for (auto const& layer : asked.expert_tokens) {
        elsewhere += std::accumulate(layer.begin() + 1, layer.end(), std::int64_t{0});
    }
    EXPECT_GT(sum_over(elsewhere, fixture.group), 0);
}

TEST(TokenMemoryTest, MoreTokensThanPositionsAreRefused) {
    auto const config = test::small_config({1}, DType::f32);
    test::expect_error(Exit::usage, "model.max_positions = 16", [&] {
        TokenMemory(config, 1, 17);
    });
    // 2 layers' keys and values: 3 sequences of 5 tokens, 2 * 4 heads of 4 floats.
    TokenMemory const memory(test::small_config({1, 1}, DType::f32), 3, 5);
    EXPECT_EQ(memory.bytes(), 2 * (3 * 5 * 2 * 16 * 4 + 3 * 12 * 4));
}

}  // namespace
}  // namespace isogloss
