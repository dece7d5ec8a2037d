// tests/comm/collective_cuda_test.cpp - collectives on device memory against those on host memory.
// NCCL where every rank has a GPU of its own, host memory where ranks share one.
#include <gtest/gtest.h>

#include <cmath>
#include <numeric>
#include <vector>

#include "base/math.h"
#include "base/random.h"
#include "comm/collective.h"
#include "device/side_queue.h"
#include "support/gpu.h"

namespace isogloss {
namespace {

using test::Twin;

class CollectiveCudaTest : public testing::Test {
protected:
    void SetUp() override {
        ISOGLOSS_NEEDS_GPU();
        cuda::choose_device(group.rank() % cuda::num_devices());
    }
    [[nodiscard]] Twin<float, 1> terms(std::int64_t size) const {
        return {{size}, [&](std::size_t i) {
                    auto const its = static_cast<std::uint64_t>(group.rank());
                    return static_cast<float>(random_normal(11, its, i));
                }};
    }
    MpiComm group = MpiComm::split(MPI_COMM_WORLD, 0, 0);
};

// Not divisible by 2 or 3, divisible, fewer elements than ranks, none.
constexpr std::int64_t kGpuSizes[] = {0, 1, 5, 4096, 100003};

// A sum of P terms below 6, in any order, is off by at most P u P 6.
double bound_of(MpiComm const& group) {
    return 6.0 * group.size() * group.size() * 0x1p-24;
}

TEST_F(CollectiveCudaTest, SumsAreThoseOfTheHost) {
    for (auto const size : kGpuSizes) {
        auto const all = terms(size);
        auto const parts = terms(size);
        for (auto const device : test::kBothDevices) {
            all_reduce_sum(all.on(device), group, Stream{});
            reduce_scatter_sum(parts.on(device), group, Stream{});
        }
        test::expect_near(all, bound_of(group), "all_reduce_sum");
        auto const own = even_part(size, group.size(), group.rank());
        auto const cpu = parts.values(Device::cpu);
        auto const gpu = parts.values(Device::cuda);
        for (auto i = own.begin; i < own.end; ++i) {
            ASSERT_NEAR(cpu[index(i)], gpu[index(i)], bound_of(group)) << "element " << i;
        }
    }
}

TEST_F(CollectiveCudaTest, SumsOfStretchesInASideQueueAreThoseOfTheHost) {
    constexpr std::int64_t kSize = 100003;
    auto const parts = terms(kSize);
    reduce_scatter_sum(parts.on(Device::cpu), group, Stream{});
    auto const from = parts.on(Device::cuda);
    Buffer<float> const there(Device::cuda, kSize);
    SideQueue const side(Device::cuda, Urgency::urgent);
    for (auto const& [begin, end] : {Range{70001, kSize}, {70000, 70001}, {0, 70000}}) {
        auto const stretch = there.view().rows(begin, end);
        auto const bytes = index(end - begin) * sizeof(float);
        cuda::copy(stretch.data, from.data + begin, bytes, Stream{});  // which the sums wait for
        side.begin(Stream{});
        reduce_scatter_sum(stretch, {begin, end - begin, kSize}, group, side.stream());
    }
    side.end(Stream{});
    auto const own = even_part(kSize, group.size(), group.rank());
    auto const cpu = parts.values(Device::cpu);
    Buffer<float> room;
    auto const gpu = on_host(there.view(), room, Stream{}).span();
    for (auto i = own.begin; i < own.end; ++i) {
        ASSERT_NEAR(cpu[index(i)], gpu[index(i)], bound_of(group)) << "element " << i;
    }
}

TEST_F(CollectiveCudaTest, SumsTwiceAreTheSameBits) {
    auto const first = terms(100003);
    auto const second = terms(100003);
    all_reduce_sum(first.on(Device::cuda), group, Stream{});
    all_reduce_sum(second.on(Device::cuda), group, Stream{});
    EXPECT_EQ(first.values(Device::cuda), second.values(Device::cuda));
}

template <class T, class Make>
void expect_moved(MpiComm const& group, std::int64_t size, Make const& make) {
    Twin<T, 1> const gathered({size}, make);
    Twin<T, 1> const sent({size}, make);
    for (auto const device : test::kBothDevices) {
        all_gather<T>(gathered.on(device), group, Stream{});
        broadcast<T>(sent.on(device), group.size() - 1, group, Stream{});
    }
    test::expect_equal(gathered, "all_gather");
    test::expect_equal(sent, "broadcast");
}

TEST_F(CollectiveCudaTest, GathersAndBroadcastsMoveBits) {
    auto const rank = group.rank();
    for (auto const size : kGpuSizes) {
        expect_moved<float>(group, size, [&](std::size_t i) {
            return static_cast<float>(i) + 0.25F * static_cast<float>(rank);
        });
        expect_moved<std::int32_t>(group, size, [&](std::size_t i) {
            return static_cast<std::int32_t>(i) * 7 + rank;
        });
        expect_moved<bf16>(group, size, [&](std::size_t i) {
            return bf16{static_cast<std::uint16_t>(i % 1000 + static_cast<std::size_t>(rank))};
        });
    }
}

TEST_F(CollectiveCudaTest, GathersOfStretchesMoveBits) {
    constexpr std::int64_t kSize = 100003;
    for (auto const& [begin, end] : {Range{0, 0}, {0, 1}, {7, kSize / 2 + 9}, {kSize - 1, kSize}}) {
        Twin<bf16, 1> const x({kSize}, [&](std::size_t i) {
            auto const its = i % 1000 + 1000 * index(group.rank());
            return bf16{static_cast<std::uint16_t>(its)};
        });
        for (auto const device : test::kBothDevices) {
            auto const stretch = x.on(device).rows(begin, end);
            all_gather<bf16>(stretch, {begin, end - begin, kSize}, group, Stream{});
        }
        test::expect_equal(x, "all_gather of a stretch");
    }
}

// Rank r sends rank p as many rows as (r + 2 p) mod 4; some send nothing.
TEST_F(CollectiveCudaTest, RowsArriveInOrderOfTheirRanks) {
    auto const ranks = group.size();
    std::vector<std::int64_t> send_begin{0};
    std::vector<std::int64_t> receive_begin{0};
    for (int p = 0; p < ranks; ++p) {
        send_begin.push_back(send_begin.back() + (group.rank() + 2 * p) % 4);
        receive_begin.push_back(receive_begin.back() + (p + 2 * group.rank()) % 4);
    }
    for (std::int64_t const width : {1, 37}) {
        Twin<float, 2> const send({send_begin.back(), width}, [&](std::size_t i) {
            return static_cast<float>(1000 * group.rank()) + static_cast<float>(i);
        });
        Twin<float, 2> const receive({receive_begin.back(), width});
        for (auto const device : test::kBothDevices) {
            all_to_all_rows<float>(
                send.on(device), send_begin, receive.on(device), receive_begin, group, Stream{}
            );
        }
        test::expect_equal(receive, "rows");
    }
}

}  // namespace
}  // namespace isogloss
