// tests/comm/collective_test.cpp
#include "comm/collective.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>
#include <string>
#include <vector>

#include "base/error.h"
#include "base/math.h"
#include "base/random.h"

namespace isogloss {
namespace {

constexpr float kPoison = std::numeric_limits<float>::quiet_NaN();

template <class T>
View<T, 1> view_of(std::vector<T>& x) {
    return {x.data(), {static_cast<std::int64_t>(x.size())}, Device::cpu};
}
template <class T>
View<T, 2> view_of(std::vector<T>& x, std::int64_t width) {
    return {x.data(), {static_cast<std::int64_t>(x.size()) / width, width}, Device::cpu};
}

// Numbers of very different size, so that another order of adding gives other bits.
float term(int rank, std::int64_t i) {
    auto const u =
        random_uniform(17, static_cast<std::uint64_t>(rank), static_cast<std::uint64_t>(i));
    auto const size = static_cast<int>((i + 3 * rank) % 24);
    return static_cast<float>(std::ldexp(u - 0.5, size));
}

std::vector<float> terms_of(int rank, std::int64_t size) {
    std::vector<float> x(static_cast<std::size_t>(size));
    for (std::int64_t i = 0; i < size; ++i) {
        x[static_cast<std::size_t>(i)] = term(rank, i);
    }
    return x;
}

float sum_in_rank_order(int ranks, std::int64_t i) {
    float sum = term(0, i);
    for (int rank = 1; rank < ranks; ++rank) {
        sum += term(rank, i);
    }
    return sum;
}

class CollectiveTest : public testing::Test {
protected:
    MpiComm group = MpiComm::split(MPI_COMM_WORLD, 0, 0);
    Stream stream;
};

// Below and above the size where a sum changes its way, not divisible by 2, 3 or 4 ranks, fewer
// elements than ranks, none.
constexpr std::int64_t kSizes[] = {0, 1, 3, 1025, 16385, 100003};

TEST_F(CollectiveTest, AllReduceAddsInRankOrderBitForBit) {
    for (auto const size : kSizes) {
        auto x = terms_of(group.rank(), size);
        all_reduce_sum(view_of(x), group, stream);
        for (std::int64_t i = 0; i < size; ++i) {
            ASSERT_EQ(x[static_cast<std::size_t>(i)], sum_in_rank_order(group.size(), i))
                << "element " << i << " of " << size;
        }
    }
}

TEST_F(CollectiveTest, ReduceScatterAddsOwnPartInRankOrderAndLeavesTheRest) {
    for (auto const size : kSizes) {
        auto x = terms_of(group.rank(), size);
        reduce_scatter_sum(view_of(x), group, stream);
        auto const own = even_part(size, group.size(), group.rank());
        for (std::int64_t i = 0; i < size; ++i) {
            bool const is_own = i >= own.begin && i < own.end;
            ASSERT_EQ(
                x[static_cast<std::size_t>(i)],
                is_own ? sum_in_rank_order(group.size(), i) : term(group.rank(), i)
            ) << "element "
              << i << " of " << size;
        }
    }
}

TEST_F(CollectiveTest, ReduceScatterInSeveralRoundsIsTheSame) {
    // 4 Mi elements of scratch over P ranks: 5 Mi a rank takes at least two rounds, the last short.
    std::int64_t const size = (std::int64_t{5} << 20) + 3;
    std::vector<float> x(static_cast<std::size_t>(size));
    for (std::int64_t i = 0; i < size; ++i) {
        x[static_cast<std::size_t>(i)] = static_cast<float>(i % 1000 + 1000 * group.rank());
    }
    reduce_scatter_sum(view_of(x), group, stream);
    auto const own = even_part(size, group.size(), group.rank());
    auto const ranks = group.size();
    for (auto i = own.begin; i < own.end; ++i) {
        auto const sum = ranks * (i % 1000) + 1000 * ranks * (ranks - 1) / 2;  // exact in float
        ASSERT_EQ(x[static_cast<std::size_t>(i)], static_cast<float>(sum)) << "element " << i;
    }
}

TEST_F(CollectiveTest, ReduceScatterOfStretchesIsThatOfTheWhole) {
    constexpr std::int64_t kSize = 16385;
    // The whole as three stretches, the last first; one empty; over the borders of ranks' parts.
    for (auto const cut : {std::int64_t{0}, std::int64_t{1}, kSize / 2 - 7, kSize - 1}) {
        auto x = terms_of(group.rank(), kSize);
        for (auto const& [begin, end] : {Range{kSize - 1, kSize}, {cut, kSize - 1}, {0, cut}}) {
            reduce_scatter_sum(
                view_of(x).rows(begin, end), {begin, end - begin, kSize}, group, stream
            );
        }
        auto const own = even_part(kSize, group.size(), group.rank());
        for (std::int64_t i = 0; i < kSize; ++i) {
            bool const is_own = i >= own.begin && i < own.end;
            ASSERT_EQ(
                x[static_cast<std::size_t>(i)],
                is_own ? sum_in_rank_order(group.size(), i) : term(group.rank(), i)
            ) << "element "
              << i << ", cut at " << cut;
        }
    }
}

TEST_F(CollectiveTest, AStretchOutsideOfTheWholeIsRefused) {
    auto x = terms_of(0, 4);
    EXPECT_THROW(reduce_scatter_sum(view_of(x), {5, 4, 8}, group, stream), Error);
    EXPECT_THROW(reduce_scatter_sum(view_of(x), {0, 3, 8}, group, stream), Error);
    EXPECT_THROW(all_gather(view_of(x), {5, 4, 8}, group, stream), Error);
    EXPECT_THROW(all_gather(view_of(x), {0, 3, 8}, group, stream), Error);
}

TEST_F(CollectiveTest, AllGatherOfAStretchFillsItFromTheOwnersInTheWhole) {
    constexpr std::int64_t kSize = 16385;
    for (auto const& [begin, end] : {Range{0, 0}, {0, 1}, {7, kSize / 2 + 9}, {kSize - 1, kSize}}) {
        auto x = terms_of(group.rank(), kSize);
        all_gather(view_of(x).rows(begin, end), {begin, end - begin, kSize}, group, stream);
        for (int p = 0; p < group.size(); ++p) {
            auto const its = even_part(kSize, group.size(), p);
            for (auto i = its.begin; i < its.end; ++i) {
                bool const is_inside = i >= begin && i < end;
                ASSERT_EQ(x[static_cast<std::size_t>(i)], term(is_inside ? p : group.rank(), i))
                    << "element " << i << " of [" << begin << ", " << end << ")";
            }
        }
    }
}

TEST_F(CollectiveTest, AllGatherFillsEveryPartFromItsOwner) {
    for (auto const size : kSizes) {
        std::vector<float> x(static_cast<std::size_t>(size), kPoison);
        auto const own = even_part(size, group.size(), group.rank());
        for (auto i = own.begin; i < own.end; ++i) {
            x[static_cast<std::size_t>(i)] = static_cast<float>(100000 * group.rank() + i);
        }
        all_gather(view_of(x), group, stream);
        for (int rank = 0; rank < group.size(); ++rank) {
            auto const part = even_part(size, group.size(), rank);
            for (auto i = part.begin; i < part.end; ++i) {
                ASSERT_EQ(x[static_cast<std::size_t>(i)], static_cast<float>(100000 * rank + i));
            }
        }
    }
}

TEST_F(CollectiveTest, AllGatherOfSeveralRoundsMovesBf16) {
    std::int64_t const size = group.size() * (std::int64_t{4} << 20) + 5;
    std::vector<bf16> x(static_cast<std::size_t>(size), bf16{0xFFFF});
    auto const own = even_part(size, group.size(), group.rank());
    for (auto i = own.begin; i < own.end; ++i) {
        x[static_cast<std::size_t>(i)] = bf16{static_cast<std::uint16_t>(i % 65521)};
    }
    all_gather(view_of(x), group, stream);
    for (std::int64_t i = 0; i < size; ++i) {
        ASSERT_EQ(x[static_cast<std::size_t>(i)].bits, i % 65521) << "element " << i;
    }
}

TEST_F(CollectiveTest, BroadcastGivesTheRootsValues) {
    int const root = group.size() - 1;
    std::vector<std::int32_t> x(1001, -1);
    if (group.rank() == root) {
        std::iota(x.begin(), x.end(), 7);
    }
    broadcast(view_of(x), root, group, stream);
    for (std::int32_t i = 0; i < 1001; ++i) {
        ASSERT_EQ(x[static_cast<std::size_t>(i)], 7 + i);
    }
    EXPECT_THROW(broadcast(view_of(x), group.size(), group, stream), Error);
}

// Rows from source to destination: none on the way home for rank 1, uneven else.
std::int64_t rows_between(int source, int destination) {
    return source == 1 && destination == 0 ? 0 : (2 * source + 3 * destination) % 5;
}

TEST_F(CollectiveTest, AllToAllRowsKeepsSourceOrderAndPayload) {
    constexpr std::int64_t kWidth = 3;
    std::vector<float> send;
    std::vector<std::int64_t> send_begin{0};
    std::vector<std::int64_t> receive_begin{0};
    for (int p = 0; p < group.size(); ++p) {
        auto const out = rows_between(group.rank(), p);
        for (std::int64_t row = 0; row < out; ++row) {
            for (std::int64_t d = 0; d < kWidth; ++d) {
                send.push_back(static_cast<float>(10000 * group.rank() + 1000 * p + 10 * row + d));
            }
        }
        send_begin.push_back(send_begin.back() + out);
        receive_begin.push_back(receive_begin.back() + rows_between(p, group.rank()));
    }
    std::vector<float> received(static_cast<std::size_t>(receive_begin.back() * kWidth), kPoison);
    all_to_all_rows<float>(
        view_of(send, kWidth), send_begin, view_of(received, kWidth), receive_begin, group, stream
    );
    std::vector<float> expected;
    for (int p = 0; p < group.size(); ++p) {
        for (std::int64_t row = 0; row < rows_between(p, group.rank()); ++row) {
            for (std::int64_t d = 0; d < kWidth; ++d) {
                expected.push_back(
                    static_cast<float>(10000 * p + 1000 * group.rank() + 10 * row + d)
                );
            }
        }
    }
    EXPECT_EQ(received, expected);
}

TEST_F(CollectiveTest, AllToAllRowsTouchesOnlyRanksAtItsDistances) {
    auto const ranks = static_cast<std::size_t>(group.size());
    std::vector<float> send(ranks, static_cast<float>(group.rank()));
    std::vector<float> received(ranks, -1.0F);
    std::vector<std::int64_t> begin(ranks + 1);
    std::iota(begin.begin(), begin.end(), std::int64_t{0});
    auto const exchange = [&](Distances distances) {
        all_to_all_rows<float>(
            view_of(send, 1), begin, view_of(received, 1), begin, group, stream, distances
        );
    };
    auto const expect_heard = [&](auto const& is_heard) {
        for (std::size_t p = 0; p < ranks; ++p) {
            auto const distance =
                (group.rank() + group.size() - static_cast<int>(p)) % group.size();
            EXPECT_EQ(received[p], is_heard(distance) ? static_cast<float>(p) : -1.0F) << distance;
        }
    };
    exchange({1, 2});
    expect_heard([](int distance) { return distance == 1; });
    exchange({2});
    expect_heard([](int distance) { return distance >= 1; });
    // The way back of {1, 2}: from the next rank, not from the one before.
    std::ranges::fill(received, -1.0F);
    exchange(Distances{1, 2}.back(group.size()));
    expect_heard([&](int distance) { return distance > 0 && distance == group.size() - 1; });
    exchange({});
    expect_heard([](int /*distance*/) { return true; });
}

TEST_F(CollectiveTest, AllToAllRowsTakesPartWithNothingToSend) {
    std::vector<float> none;
    std::vector<std::int64_t> const begin(static_cast<std::size_t>(group.size()) + 1, 0);
    EXPECT_NO_THROW(
        all_to_all_rows<float>(view_of(none, 4), begin, view_of(none, 4), begin, group, stream)
    );
}

TEST_F(CollectiveTest, AllToAllRowsRefusesRangesThatDoNotCoverTheView) {
    std::vector<float> rows(8);
    std::vector<std::int64_t> begin(static_cast<std::size_t>(group.size()) + 1, 0);
    begin.back() = 3;
    EXPECT_THROW(
        all_to_all_rows<float>(view_of(rows, 4), begin, view_of(rows, 4), begin, group, stream),
        Error
    );
}

TEST_F(CollectiveTest, AllToAllOfNumbersIsATranspose) {
    std::vector<std::int64_t> x;
    for (int p = 0; p < group.size(); ++p) {
        x.push_back(100 * group.rank() + p);
        x.push_back(-100 * group.rank() - p);
    }
    auto const received = all_to_all(x, group);
    ASSERT_EQ(received.size(), x.size());
    for (int p = 0; p < group.size(); ++p) {
        EXPECT_EQ(received[static_cast<std::size_t>(2 * p)], 100 * p + group.rank());
        EXPECT_EQ(received[static_cast<std::size_t>(2 * p + 1)], -100 * p - group.rank());
    }
}

TEST_F(CollectiveTest, HostSumsAndMaximaAreOverAllRanks) {
    auto const ranks = static_cast<std::int64_t>(group.size());
    EXPECT_EQ(sum_over(std::int64_t{group.rank() + 1}, group), ranks * (ranks + 1) / 2);
    EXPECT_EQ(max_over(std::int64_t{group.rank()}, group), ranks - 1);
    EXPECT_EQ(max_over(-static_cast<double>(group.rank()), group), 0.0);
    std::vector<double> x{1.0, static_cast<double>(group.rank())};
    sum_over(x, group);
    EXPECT_EQ(x[0], static_cast<double>(ranks));
    EXPECT_EQ(x[1], static_cast<double>(ranks * (ranks - 1) / 2));
}

TEST_F(CollectiveTest, AnyOfIsTrueWhenOneRankSaysSo) {
    for (int one = 0; one < group.size(); ++one) {
        EXPECT_TRUE(any_of(group.rank() == one, group)) << "rank " << one;
    }
    EXPECT_FALSE(any_of(false, group));
    EXPECT_TRUE(any_of(true, group));
}

TEST_F(CollectiveTest, GatheredTextsKeepRankOrderAndLengths) {
    std::string const own(
        static_cast<std::size_t>(group.rank()), static_cast<char>('a' + group.rank())
    );
    auto const all = gather_all(own, group);  // rank 0 gives an empty text
    ASSERT_EQ(all.size(), static_cast<std::size_t>(group.size()));
    for (int p = 0; p < group.size(); ++p) {
        EXPECT_EQ(
            all[static_cast<std::size_t>(p)],
            std::string(static_cast<std::size_t>(p), static_cast<char>('a' + p))
        );
    }
    std::string text = group.rank() == 0 ? "from rank 0" : "";
    broadcast(text, 0, group);
    EXPECT_EQ(text, "from rank 0");
}

TEST_F(CollectiveTest, OneDifferentRankIsFoundByAll) {
    EXPECT_TRUE(is_same_on_all_ranks("config", group));
    bool const is_last = group.rank() == group.size() - 1;
    EXPECT_EQ(is_same_on_all_ranks(is_last ? "other" : "config", group), group.size() == 1);
    EXPECT_EQ(is_same_on_all_ranks(is_last ? "config " : "config", group), group.size() == 1);
}

TEST_F(CollectiveTest, AFaultOfOneRankIsThrownByAll) {
    EXPECT_NO_THROW(fail_together(Exit::data, "", group));
    int const guilty = group.size() / 2;
    std::string const problem =
        group.rank() >= guilty ? "rank " + std::to_string(group.rank()) + " cannot read" : "";
    try {
        fail_together(Exit::data, problem, group);
        FAIL() << "nothing was thrown";
    } catch (Error const& error) {
        EXPECT_EQ(error.what(), "rank " + std::to_string(guilty) + " cannot read");
        EXPECT_EQ(error.code(), Exit::data);
    }
}

}  // namespace
}  // namespace isogloss
