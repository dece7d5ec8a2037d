// train/deviation_similarity_test.cpp - cosines of vectors in files, against those in memory.
#include "train/deviation_similarity.h"

#include <gtest/gtest.h>

#include <cmath>

#include "base/random.h"
#include "storage/hdf5_writer.h"
#include "support/all_ranks.h"
#include "support/expect_error.h"
#include "support/shared_folder.h"
#include "train/probe_file.h"

namespace isogloss {
namespace {

using Vectors = std::vector<std::vector<float>>;

std::vector<std::filesystem::path> write_vectors(
    std::filesystem::path const& folder, Vectors const& vectors
) {
    auto const group = test::all_ranks();
    std::vector<std::filesystem::path> files;
    for (std::size_t i = 0; i < vectors.size(); ++i) {
        files.push_back(folder / (std::to_string(i) + ".h5"));
        if (group.rank() == 0) {
            Hdf5Writer writer(files.back());
            auto const size = static_cast<std::int64_t>(vectors[i].size());
            writer.write(kDeviationDataset, {size}, std::span<float const>(vectors[i]));
            writer.close();
        }
    }
    MPI_Barrier(MPI_COMM_WORLD);
    return files;
}

// Longer than two blocks, and no multiple of ranks or lanes.
Vectors random_vectors(std::size_t count) {
    constexpr std::uint64_t kLength = 70001;
    Vectors vectors(count);
    for (std::size_t v = 0; v < count; ++v) {
        for (std::uint64_t i = 0; i < kLength; ++i) {
            auto const common = random_normal(1, 0, i);
            vectors[v].push_back(static_cast<float>(common + random_normal(1, v + 1, i)));
        }
    }
    return vectors;
}

// A sum of n doubles in any order errs by n 2^-53 of the sum of their sizes: 70001 x 1.1e-16, times
// three for the product and both norms.
TEST(DeviationSimilarityTest, IsTheCosineWhateverRanksAndBlocks) {
    test::SharedFolder const folder;
    auto const vectors = random_vectors(3);
    auto const similarity =
        deviation_similarity(write_vectors(folder.path(), vectors), test::all_ranks());
    ASSERT_EQ(similarity.size(), 9U);
    for (std::size_t x = 0; x < 3; ++x) {
        for (std::size_t y = 0; y < 3; ++y) {
            double product = 0.0;
            double of_x = 0.0;
            double of_y = 0.0;
            for (std::size_t i = 0; i < vectors[x].size(); ++i) {
                auto const a = static_cast<double>(vectors[x][i]);
                auto const b = static_cast<double>(vectors[y][i]);
                product += a * b;
                of_x += a * a;
                of_y += b * b;
            }
            EXPECT_NEAR(similarity[3 * x + y], product / std::sqrt(of_x * of_y), 3e-11);
        }
    }
    EXPECT_GT(similarity[1], 0.4);  // half of the variance is common
}

TEST(DeviationSimilarityTest, StaysInItsBounds) {
    test::SharedFolder const folder;
    std::vector<float> const up{0x1p-24F, 0x3p-26F, -0x5p-26F};
    std::vector<float> const down{-0x1p-24F, -0x3p-26F, 0x5p-26F};
    auto const files = write_vectors(folder.path(), {up, up, down, {0.0F, 5.0F, 3.0F}});
    auto const similarity = deviation_similarity(files, test::all_ranks());
    EXPECT_EQ(similarity[0], 1.0);
    EXPECT_NEAR(similarity[1], 1.0, 1e-15);
    EXPECT_LE(similarity[1], 1.0);
    EXPECT_NEAR(similarity[2], -1.0, 1e-15);
    EXPECT_GE(similarity[2], -1.0);
    EXPECT_NEAR(similarity[3], 0.0, 1e-15);
}

TEST(DeviationSimilarityTest, VectorsWithoutADirectionAreRefused) {
    test::SharedFolder const folder;
    auto const files = write_vectors(folder.path(), {{1.0F, 2.0F}, {0.0F, 0.0F}});
    test::expect_error(Exit::data, "1.h5: the squares of the deviation sum to 0", [&] {
        deviation_similarity(files, test::all_ranks());
    });
    auto const other = write_vectors(folder.path(), {{1.0F, 2.0F}, {1.0F, 2.0F, 3.0F}});
    test::expect_error(Exit::data, "3 elements, 2 in", [&] {
        deviation_similarity(other, test::all_ranks());
    });
}

TEST(DeviationSimilarityTest, JsonIsAMatrixWithNames) {
    auto const json = similarity_json({"el", "hu"}, {1.0, 0.25, 0.25, 1.0});
    EXPECT_EQ(json.dump(), R"({"languages":["el","hu"],"similarity":[[1.0,0.25],[0.25,1.0]]})");
}

}  // namespace
}  // namespace isogloss
