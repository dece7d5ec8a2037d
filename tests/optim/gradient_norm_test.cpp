// optim/gradient_norm_test.cpp - one norm over replicas and shards, counted by hand.
#include "optim/gradient_norm.h"

#include <gtest/gtest.h>

#include <cmath>
#include <memory>
#include <vector>

namespace isogloss {
namespace {

// Parameters that ranks [first, last] hold; each holder's share of every gradient is `share`.
struct Holding {
    Holding(MpiComm const& world, std::int64_t size, int first, int last, float share)
        : group(MpiComm::split(
              world.get(), world.rank() >= first && world.rank() <= last ? 1 : 0, world.rank()
          )),
          values(Device::cpu, size),
          gradients(Device::cpu, size) {
        for (auto& gradient : gradients.view().span()) {
            gradient = share;
        }
    }
    [[nodiscard]] ShardedAdamw optimizer() const {
        return ShardedAdamw({&group, DType::f32, values.data(), gradients.view(), {}});
    }

    MpiComm group;
    Buffer<float> values;
    Buffer<float> gradients;
};

TEST(GradientNormTest, ReplicasCountOnceAndSharesAreSummed) {
    auto const world = MpiComm::split(MPI_COMM_WORLD, 0, 0);
    int const ranks = world.size();
    int const replicas = std::min(ranks, 2);
    Holding const dense(world, 5, 0, ranks - 1, 1.0F);
    Holding const replicated(world, 3, 0, replicas - 1, 2.0F);
    Holding const single(world, 2, ranks - 1, ranks - 1, 10.0F);
    std::vector<ShardedAdamw> held;
    held.push_back(dense.optimizer());
    if (world.rank() < replicas) {
        held.push_back(replicated.optimizer());
    }
    if (world.rank() == ranks - 1) {
        held.push_back(single.optimizer());
    }
    for (auto& optimizer : held) {
        optimizer.reduce_gradients(optimizer.elements(), {});
        optimizer.begin_squares({0, 2}, {});  // in parts, one of which a rank may have nothing of
        optimizer.begin_squares({2, optimizer.num_elements()}, {});
    }
    double const by_hand = 5.0 * ranks * ranks + 3.0 * 4.0 * replicas * replicas + 2.0 * 100.0;
    // Small whole numbers: sums of squares are exact, the root is rounded once.
    EXPECT_DOUBLE_EQ(gradient_norm(held, world, {}), std::sqrt(by_hand));
    EXPECT_EQ(gradient_norm(held, world, {}), 0.0) << "what was taken counts again";
}

TEST(GradientNormTest, NothingTrainableHasNormZero) {
    auto const world = MpiComm::split(MPI_COMM_WORLD, 0, 0);
    EXPECT_EQ(gradient_norm({}, world, {}), 0.0);
}

TEST(ClipFactorTest, BringsTheNormToTheLimitAndNeverUp) {
    EXPECT_EQ(clip_factor(4.0, 1.0), 0.25F);
    EXPECT_EQ(clip_factor(0.5, 1.0), 1.0F);
    EXPECT_EQ(clip_factor(1.0, 1.0), 1.0F);
    EXPECT_EQ(clip_factor(0.0, 1.0), 1.0F);
}

TEST(ClipFactorTest, NoLimitMeansNoClipping) {
    EXPECT_EQ(clip_factor(1e6, 0.0), 1.0F);
}

}  // namespace
}  // namespace isogloss
