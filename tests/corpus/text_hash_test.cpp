// corpus/text_hash_test.cpp
#include "corpus/text_hash.h"

#include <gtest/gtest.h>

#include <cmath>
#include <string>

namespace isogloss {
namespace {

// FIPS 180-2, appendix B.1: SHA-256 of "abc" is ba7816bf 8f01cfea 414140de 5dae2223 ...
TEST(TextHashTest, IsTheBeginningOfTheSha256) {
    EXPECT_EQ(text_hash("abc"), (TextHash{0xba7816bf8f01cfeaULL, 0x414140de5dae2223ULL}));
}

TEST(TextHashTest, TheSplitIsAThresholdOfTheHash) {
    TextHash const half{.high = std::uint64_t{1} << 63U, .low = 0};
    EXPECT_EQ(split_of(half, 0.5), Split::train);
    EXPECT_EQ(split_of(half, std::nextafter(0.5, 1.0)), Split::valid);
    EXPECT_EQ(split_of({}, 0.0), Split::train);
    EXPECT_EQ(split_of({}, 0x1.0p-53), Split::valid);
}

// A larger share holds out the same documents and more, so growing it keeps what was held out.
TEST(TextHashTest, ALargerShareKeepsWhatWasHeldOut) {
    int valid = 0;
    for (int i = 0; i < 10000; ++i) {
        auto const hash = text_hash("document " + std::to_string(i));
        bool const is_valid = split_of(hash, 0.1) == Split::valid;
        valid += is_valid ? 1 : 0;
        EXPECT_TRUE(!is_valid || split_of(hash, 0.2) == Split::valid);
    }
    EXPECT_NEAR(valid, 1000, 4 * std::sqrt(10000 * 0.1 * 0.9));  // four deviations of a binomial
}

TEST(TextHashSetTest, FindsWhatItWasGiven) {
    constexpr std::int64_t kTexts = 1000;
    TextHashSet seen(kTexts);
    for (std::int64_t i = 0; i < kTexts; ++i) {
        EXPECT_TRUE(seen.insert(text_hash(std::to_string(i)))) << i;
    }
    for (std::int64_t i = 0; i < kTexts; ++i) {
        EXPECT_FALSE(seen.insert(text_hash(std::to_string(i)))) << i;
    }
}

// All at one place, around the end of the table, and the hash that a free place looks like.
TEST(TextHashSetTest, HashesThatCollideAreKeptApart) {
    TextHashSet seen(100);
    for (std::uint64_t i = 0; i < 99; ++i) {
        EXPECT_TRUE(seen.insert({.high = ~std::uint64_t{0}, .low = 2 * i}));
    }
    EXPECT_TRUE(seen.insert({}));
    EXPECT_FALSE(seen.insert({}));
    EXPECT_FALSE(seen.insert({.high = ~std::uint64_t{0}, .low = 4}));
}

}  // namespace
}  // namespace isogloss
