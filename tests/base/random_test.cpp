// tests/base/random_test.cpp
#include "base/random.h"

#include <gtest/gtest.h>

#include <cmath>
#include <set>
#include <vector>

#include "support/expect_error.h"

namespace isogloss {
namespace {

// Known answers of philox4x32-10 as published with Random123 (kat_vectors): counter, key -> words.
TEST(RandomTest, BitsAreThePublishedOnesOfPhilox) {
    EXPECT_EQ(random_bits(0, 0, 0), 0xE169C58D'6627E8D5U);
    EXPECT_EQ(random_bits(~0ULL, ~0ULL, ~0ULL), 0x41C83B0E'408F276DU);
    EXPECT_EQ(
        random_bits(0x299F31D0'A4093822U, 0x03707344'13198A2EU, 0x85A308D3'243F6A88U),
        0x94FDCCEB'D16CFE09U
    );
}

TEST(RandomTest, EachOfTheThreeNumbersMatters) {
    std::set<std::uint64_t> seen;
    for (std::uint64_t i = 0; i < 3; ++i) {
        for (std::uint64_t j = 0; j < 3; ++j) {
            for (std::uint64_t k = 0; k < 3; ++k) {
                // also in the upper halves
                seen.insert(random_bits(i, j, k));
                seen.insert(random_bits((i + 1) << 32U, (j + 1) << 32U, (k + 1) << 32U));
            }
        }
    }
    EXPECT_EQ(seen.size(), 54U);
}

TEST(RandomTest, UniformLiesInTheUnitIntervalAndItsMeanIsAHalf) {
    constexpr int kDraws = 100'000;
    double sum = 0.0;
    for (std::uint64_t i = 0; i < kDraws; ++i) {
        auto const x = random_uniform(1, 2, i);
        ASSERT_GE(x, 0.0);
        ASSERT_LT(x, 1.0);
        sum += x;
    }
    // The standard deviation of the mean is sqrt(1/12 / n); five of them.
    EXPECT_NEAR(sum / kDraws, 0.5, 5.0 * std::sqrt(1.0 / 12.0 / kDraws));
}

TEST(RandomTest, NormalHasMeanZeroVarianceOneAndNoSkew) {
    constexpr int kDraws = 100'000;
    double sum = 0.0;
    double squares = 0.0;
    double cubes = 0.0;
    for (std::uint64_t i = 0; i < kDraws; ++i) {
        auto const x = random_normal(3, 4, i);
        ASSERT_TRUE(std::isfinite(x));
        sum += x;
        squares += x * x;
        cubes += x * x * x;
    }
    // Variances of the three means are 1/n, 2/n and 15/n; five standard deviations each.
    EXPECT_NEAR(sum / kDraws, 0.0, 5.0 * std::sqrt(1.0 / kDraws));
    EXPECT_NEAR(squares / kDraws, 1.0, 5.0 * std::sqrt(2.0 / kDraws));
    EXPECT_NEAR(cubes / kDraws, 0.0, 5.0 * std::sqrt(15.0 / kDraws));
}

// Test vectors of the 64-bit FNV-1a hash, from its authors' page.
TEST(RandomTest, StreamsAreTheFnvHashOfTheirName) {
    EXPECT_EQ(random_stream(""), 0xCBF29CE484222325U);
    EXPECT_EQ(random_stream("a"), 0xAF63DC4C8601EC8CU);
    EXPECT_EQ(random_stream("foobar"), 0x85944171F73967E8U);
}

TEST(RandomTest, APermutationTakesEveryPlaceOnce) {
    for (std::int64_t const size : {1, 2, 3, 4, 5, 16, 17, 31, 64, 100, 1000, 1025}) {
        std::vector<int> taken(static_cast<std::size_t>(size));
        for (std::int64_t i = 0; i < size; ++i) {
            auto const place = random_permutation(9, 8, size, i);
            ASSERT_GE(place, 0);
            ASSERT_LT(place, size);
            ++taken[static_cast<std::size_t>(place)];
        }
        for (int const times : taken) {
            EXPECT_EQ(times, 1) << "size " << size;
        }
    }
}

TEST(RandomTest, PermutationsDifferBySeedAndStreamAndMoveMostPlaces) {
    constexpr std::int64_t kSize = 1000;
    int fixed = 0;
    int same_seed = 0;
    int same_stream = 0;
    for (std::int64_t i = 0; i < kSize; ++i) {
        auto const place = random_permutation(1, 1, kSize, i);
        fixed += place == i ? 1 : 0;
        same_seed += place == random_permutation(1, 2, kSize, i) ? 1 : 0;
        same_stream += place == random_permutation(2, 1, kSize, i) ? 1 : 0;
    }
    // Of two random permutations one place agrees on average; 12 would be one in 1e9.
    EXPECT_LT(fixed, 12);
    EXPECT_LT(same_seed, 12);
    EXPECT_LT(same_stream, 12);
}

TEST(RandomTest, LargePermutationsStayInside) {
    constexpr std::int64_t kSize = (std::int64_t{1} << 40) + 12345;
    std::set<std::int64_t> seen;
    for (std::int64_t i = 0; i < 1000; ++i) {
        auto const place = random_permutation(1, 1, kSize, kSize - 1 - i);
        ASSERT_GE(place, 0);
        ASSERT_LT(place, kSize);
        seen.insert(place);
    }
    EXPECT_EQ(seen.size(), 1000U);
}

TEST(RandomTest, AnIndexOutsideIsRefused) {
    test::expect_error(Exit::internal, "outside [0, 5)", [] { random_permutation(1, 1, 5, 5); });
    test::expect_error(Exit::internal, "outside [0, 5)", [] { random_permutation(1, 1, 5, -1); });
    test::expect_error(Exit::internal, "outside [0, 0)", [] { random_permutation(1, 1, 0, 0); });
}

}  // namespace
}  // namespace isogloss
