// kernels/embedding_test.cpp
#include "kernels/embedding.h"

#include "support/expect_error.h"
#include "support/tensor.h"

namespace isogloss {
namespace {

using test::Tensor;

template <class T>
class EmbeddingTest : public ::testing::Test {};
TYPED_TEST_SUITE(EmbeddingTest, test::FloatTypes);

TYPED_TEST(EmbeddingTest, CopiesTheRowOfEachId) {
    auto const table = Tensor<TypeParam, 2>::normal({50, 17}, "table");
    auto const token = Tensor<std::int32_t, 1>::below({3001}, "token", 50);
    Tensor<TypeParam, 2> y({3001, 17});
    embed<TypeParam>(token.in(), table.in(), y.view(), {});
    for (std::int64_t i = 0; i < y.size(); ++i) {
        ASSERT_EQ(y[i], table[token.raw(i / 17) * 17 + i % 17]) << i;
    }
}

TYPED_TEST(EmbeddingTest, BackwardAddsTheRowsOfEachIdInOrder) {
    // Few ids, so that runs of one id pass the threads' borders; id 3 never occurs.
    auto token = Tensor<std::int32_t, 1>::below({2000}, "token", 3);
    auto const dy = Tensor<TypeParam, 2>::normal({2000, 40}, "dy");
    std::vector<float> expected(5 * 40, 0.25F);
    for (std::int64_t n = 0; n < 2000; ++n) {
        for (std::int64_t d = 0; d < 40; ++d) {
            // In float and in order: the sum is defined to the bit.
            expected[static_cast<std::size_t>(token.raw(n) * 40 + d)] +=
                static_cast<float>(dy[n * 40 + d]);
        }
    }
    test::for_thread_counts([&](int threads) {
        Tensor<float, 2> dtable({5, 40}, 0.25);
        embed_backward<TypeParam>(token.in(), dy.in(), dtable.view(), {});
        for (std::int64_t i = 0; i < dtable.size(); ++i) {
            ASSERT_EQ(dtable.raw(i), expected[static_cast<std::size_t>(i)])
                << threads << " threads, element " << i;
        }
    });
}

TYPED_TEST(EmbeddingTest, NoTokensLeaveTheTableAlone) {
    Tensor<std::int32_t, 1> const token({0});
    Tensor<TypeParam, 2> dy({0, 4});
    Tensor<float, 2> dtable({5, 4}, 1.0);
    embed<TypeParam>(token.in(), Tensor<TypeParam, 2>({5, 4}).in(), dy.view(), {});
    embed_backward<TypeParam>(token.in(), dy.in(), dtable.view(), {});
    EXPECT_TRUE(dtable.same_bits(Tensor<float, 2>({5, 4}, 1.0)));
}

TEST(EmbeddingCheckTest, IdsOutsideTheTableAreRefused) {
    ISOGLOSS_CPU_ONLY();
    Tensor<float, 2> table({5, 4}, 1.0);
    Tensor<float, 2> y({2, 4}, 1.0);
    for (double const id : {5.0, -1.0}) {
        Tensor<std::int32_t, 1> const token({2}, id);
        test::expect_error(Exit::internal, "the table has ids 0 to 4", [&] {
            embed<float>(token.in(), table.in(), y.view(), {});
        });
        test::expect_error(Exit::internal, "the table has ids 0 to 4", [&] {
            embed_backward<float>(token.in(), y.in(), table.view(), {});
        });
    }
}

}  // namespace
}  // namespace isogloss
