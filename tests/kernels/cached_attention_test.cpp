// kernels/cached_attention_test.cpp - token by token what attention gives for the whole row.
#include "kernels/cached_attention.h"

#include "kernels/alibi.h"
#include "support/expect_error.h"
#include "support/tensor.h"

namespace isogloss {
namespace {

using test::Tensor;

template <class T>
class CachedAttentionTest : public ::testing::Test {};
TYPED_TEST_SUITE(CachedAttentionTest, test::FloatTypes);

/// Tokens [begin, end) of each of `rows` rows, one row after the other.
template <class T>
Tensor<T, 2> columns_of(
    Tensor<T, 2> const& all, std::int64_t rows, std::int64_t begin, std::int64_t end
) {
    auto const [tokens, width] = all.host().shape;
    Tensor<T, 2> part({rows * (end - begin), width});
    for (std::int64_t i = 0; i < part.size(); ++i) {
        auto const token = i / width;
        auto const row = token / (end - begin);
        auto const place = row * (tokens / rows) + begin + token % (end - begin);
        part.raw(i) = all.raw(place * width + i % width);
    }
    return part;
}

struct Places {
    Places(std::int64_t rows, std::int64_t begin, std::int64_t end)
        : sequence({rows * (end - begin)}), position({rows * (end - begin)}) {
        for (std::int64_t i = 0; i < sequence.size(); ++i) {
            sequence.raw(i) = static_cast<std::int32_t>(i / (end - begin));
            position.raw(i) = static_cast<std::int32_t>(begin + i % (end - begin));
        }
    }
    [[nodiscard]] CachePlaces with(AttentionShape const& shape) const {
        return {shape, sequence.in(), position.in()};
    }
    Tensor<std::int32_t, 1> sequence;
    Tensor<std::int32_t, 1> position;
};

TYPED_TEST(CachedAttentionTest, StepsGiveWhatTheWholeRowGives) {
    ISOGLOSS_CPU_ONLY();
    constexpr std::int64_t kRows = 2;
    constexpr std::int64_t kLength = 75;
    for (bool const falls : {false, true}) {
        AttentionShape shape{kRows, kLength, 6, 2, 8};
        auto const slopes = alibi_slopes(6);
        if (falls) {
            shape.slope = {slopes.data(), {6}, Device::cpu};
        }
        auto const qkv = Tensor<TypeParam, 2>::normal({kRows * kLength, 80}, "qkv");
        Tensor<std::int32_t, 1> const start({kRows * kLength}, 0.0);
        Tensor<TypeParam, 2> out({kRows * kLength, 48});
        Tensor<float, 2> log_sum({kRows * kLength, 6});
        attention<TypeParam>(qkv.in(), start.in(), shape, out.view(), log_sum.view(), {});

        // 70 tokens at once, then one by one; places beyond them hold NaN.
        Tensor<TypeParam, 3> kept({kRows, kLength + 3, 32});
        for (std::int64_t begin = 0; begin < kLength;) {
            auto const end = begin == 0 ? 70 : begin + 1;
            auto const part = columns_of(qkv, kRows, begin, end);
            Places const places(kRows, begin, end);
            Tensor<TypeParam, 2> got({kRows * (end - begin), 48});
            store_keys_values<TypeParam>(part.in(), places.with(shape), {kept.view()}, {});
            cached_attention<TypeParam>(
                part.in(), places.with(shape), {kept.view()}, got.view(), {}
            );
            // Two ways to sum the same 75 terms and products of 8, of scores below 40; in bf16 the
            // other way rounds probabilities, and both round the result. Values are below 5.
            auto const expected = columns_of(out, kRows, begin, end).doubles();
            test::expect_near(got, expected, [](std::size_t) {
                return 5.0 * (3.0 * test::rounding_of<TypeParam>() +
                              2.0 * 40.0 * 90.0 * test::kFloatRounding);
            });
            begin = end;
        }
    }
}

TYPED_TEST(CachedAttentionTest, NoTokensAreFine) {
    ISOGLOSS_CPU_ONLY();
    AttentionShape const shape{0, 0, 2, 1, 4};
    Tensor<TypeParam, 2> const qkv({0, 16});
    Tensor<TypeParam, 3> kept({1, 3, 8}, 2.0);
    Tensor<TypeParam, 2> out({0, 8});
    Places const places(0, 0, 1);
    store_keys_values<TypeParam>(qkv.in(), places.with(shape), {kept.view()}, {});
    cached_attention<TypeParam>(qkv.in(), places.with(shape), {kept.view()}, out.view(), {});
    EXPECT_EQ(kept[0], 2.0);
}

TEST(CachedAttentionCheckTest, PlacesOutsideTheCacheAreRefused) {
    ISOGLOSS_CPU_ONLY();
    AttentionShape const shape{1, 1, 2, 1, 4};
    Tensor<float, 2> const qkv({1, 16}, 0.0);
    Tensor<float, 3> kept({1, 3, 8}, 0.0);
    Places const places(1, 3, 4);
    test::expect_error(Exit::internal, "token 0 at place 3 of sequence 0", [&] {
        store_keys_values<float>(qkv.in(), places.with(shape), {kept.view()}, {});
    });
}

}  // namespace
}  // namespace isogloss
