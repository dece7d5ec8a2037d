// checkpoint/verify_test.cpp
#include "checkpoint/verify.h"

#include <gtest/gtest.h>

#include "support/checkpoint_fixture.h"

namespace isogloss {
namespace {

class VerifyTest : public testing::Test {
protected:
    VerifyTest() : world_(MpiComm::split(MPI_COMM_WORLD, 0, 0)) {
        auto const config = test::small_config();
        test::save_origin(folder_ / "c", config, test::round_robin(config, 1), world_);
        checkpoint_ = read_checkpoint(folder_ / "c");
    }

    [[nodiscard]] std::string all_problems(VerifyShare const& share) const {
        std::string text;
        for (auto const& problem : verify_checkpoint(checkpoint_, share).problems) {
            text += problem + "\n";
        }
        return text;
    }

    test::TemporaryFolder folder_;
    MpiComm world_;
    StoredCheckpoint checkpoint_;
};

TEST_F(VerifyTest, AnUntouchedCheckpointHasNoProblems) {
    std::int64_t last = 0;
    auto const report = verify_checkpoint(checkpoint_, {0, 1, 3}, [&](std::int64_t done) {
        EXPECT_GT(done, last);
        last = done;
    });
    EXPECT_TRUE(report.problems.empty());
    EXPECT_EQ(report.files, 8);
    EXPECT_EQ(report.bytes, checkpoint_.manifest.bytes_written);
    EXPECT_EQ(last, report.bytes);
}

TEST_F(VerifyTest, SharesCoverEveryFileOnce) {
    std::int64_t files = 0;
    std::int64_t bytes = 0;
    for (int index = 0; index < 3; ++index) {
        auto const report = verify_checkpoint(checkpoint_, {index, 3, 1});
        files += report.files;
        bytes += report.bytes;
    }
    EXPECT_EQ(files, 8);
    EXPECT_EQ(bytes, checkpoint_.manifest.bytes_written);
}

// Each byte of a file belongs to its hash, headers too.
TEST_F(VerifyTest, AnyFlippedByteOfAFileIsFound) {
    auto const path = folder_ / "c/L01-E001.h5";
    auto const bytes = test::content_of(path);
    int tried = 0;
    for (std::size_t i = 0; i < bytes.size(); i += bytes.size() / 23) {
        auto damaged = bytes;
        damaged[i] = static_cast<char>(damaged[i] ^ 0x10);
        test::write_content(path, damaged);
        EXPECT_NE(all_problems({}).find("L01-E001.h5: its bytes hash to"), std::string::npos) << i;
        ++tried;
    }
    EXPECT_GE(tried, 23);
}

TEST_F(VerifyTest, NamesTheTensorWhoseBytesChanged) {
    auto& tensor = checkpoint_.manifest.tensors[0];
    tensor.sha256 = test::hash_of("other");
    EXPECT_NE(all_problems({0, 1, 2}).find("the bytes of embedding.weight"), std::string::npos);
}

TEST_F(VerifyTest, NamesMissingAndUnknownFiles) {
    std::filesystem::remove(folder_ / "c/routers.h5");
    test::write_content(folder_ / "c/stray.h5", "x");
    auto const text = all_problems({0, 1, 2});
    EXPECT_NE(text.find("routers.h5"), std::string::npos) << text;
    EXPECT_NE(text.find("stray.h5: is not in the manifest"), std::string::npos) << text;
}

}  // namespace
}  // namespace isogloss
