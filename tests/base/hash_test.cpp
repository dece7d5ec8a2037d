// tests/base/hash_test.cpp
#include "base/hash.h"

#include <gtest/gtest.h>

#include "support/expect_error.h"
#include "support/temporary_folder.h"

namespace isogloss {
namespace {

// Messages and digests of FIPS 180-2, appendix B, and of the empty message.
constexpr auto kEmpty = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
constexpr auto kAbc = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
constexpr auto kMillionA = "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0";

TEST(HashTest, DigestsAreThoseOfTheStandard) {
    EXPECT_EQ(sha256(""), kEmpty);
    EXPECT_EQ(sha256("abc"), kAbc);
    EXPECT_EQ(
        sha256("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq"),
        "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1"
    );
    EXPECT_EQ(sha256(std::string(1'000'000, 'a')), kMillionA);
}

TEST(HashTest, PiecesGiveTheDigestOfTheWhole) {
    Sha256 hash;
    hash.update("a", 1);
    hash.update(nullptr, 0);
    hash.update("bc", 2);
    EXPECT_EQ(hash.finish(), kAbc);
}

TEST(HashTest, FilesLargerThanABlockAreReadToTheEnd) {
    test::TemporaryFolder const folder;
    // Three blocks of 1 MiB and a byte, against the digest of the same bytes in memory.
    std::string const content(3 * (1U << 20U) + 1, 'x');
    test::write_content(folder / "large", content);
    test::write_content(folder / "empty", "");
    test::write_content(folder / "abc", "abc");
    EXPECT_EQ(sha256_file(folder / "large"), sha256(content));
    EXPECT_EQ(sha256_file(folder / "empty"), kEmpty);
    EXPECT_EQ(sha256_file(folder / "abc"), kAbc);
}

TEST(HashTest, WhatCannotBeReadIsNamed) {
    test::TemporaryFolder const folder;
    test::expect_error(Exit::data, "none", [&] { sha256_file(folder / "none"); });
    test::expect_error(Exit::data, folder.path().string(), [&] { sha256_file(folder.path()); });
}

}  // namespace
}  // namespace isogloss
