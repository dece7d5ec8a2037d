// growth/clustering_test.cpp - the greedy solvers against their definitions, written out naively.
#include "growth/clustering.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <numeric>

#include "growth/language_groups.h"
#include "support/expect_error.h"

namespace isogloss {
namespace {

using test::expect_error;
using test::random_distances;

double naive_distance(LanguageDistances const& distance, LanguageGroup const& group) {
    double largest = 0.0;
    for (auto const a : group) {
        for (auto const b : group) {
            largest = a < b ? std::max(largest, distance(a, b)) : largest;
        }
    }
    return largest;
}

// The subset after `places` of [0, n), in lexicographic order; false at the end.
bool next_subset(std::vector<std::size_t>& places, std::size_t n) {
    for (auto i = places.size(); i-- > 0;) {
        if (places[i] < n - places.size() + i) {
            ++places[i];
            for (auto j = i + 1; j < places.size(); ++j) {
                places[j] = places[j - 1] + 1;
            }
            return true;
        }
    }
    return false;
}

std::vector<LanguageGroup> naive_exhaustive(LanguageDistances const& distance, std::size_t size) {
    LanguageGroup rest;
    for (std::int32_t i = 0; i < distance.size(); ++i) {
        rest.push_back(i);
    }
    std::vector<LanguageGroup> found;
    while (!rest.empty()) {
        std::vector<std::size_t> places(size);
        std::iota(places.begin(), places.end(), std::size_t{0});
        LanguageGroup best;
        double smallest = 1e9;
        do {
            LanguageGroup subset;
            for (auto const place : places) {
                subset.push_back(rest[place]);
            }
            if (naive_distance(distance, subset) < smallest) {
                smallest = naive_distance(distance, subset);
                best = subset;
            }
        } while (next_subset(places, rest.size()));
        found.push_back(best);
        std::erase_if(rest, [&](auto i) { return std::ranges::count(best, i) > 0; });
    }
    return found;
}

std::vector<LanguageGroup> naive_linkage(LanguageDistances const& distance, std::size_t size) {
    std::vector<char> is_used(static_cast<std::size_t>(distance.size()), 0);
    std::vector<LanguageGroup> found;
    auto const take = [&](LanguageGroup& group, std::int32_t language) {
        group.push_back(language);
        is_used[static_cast<std::size_t>(language)] = 1;
    };
    auto const is_free = [&](std::int32_t i) { return is_used[static_cast<std::size_t>(i)] == 0; };
    while (std::ranges::count(is_used, 0) > 0) {
        std::pair<std::int32_t, std::int32_t> seed;
        double smallest = 1e9;
        for (std::int32_t i = 0; i < distance.size(); ++i) {
            for (std::int32_t j = i + 1; j < distance.size(); ++j) {
                if (is_free(i) && is_free(j) && distance(i, j) < smallest) {
                    smallest = distance(i, j);
                    seed = {i, j};
                }
            }
        }
        LanguageGroup group;
        take(group, seed.first);
        take(group, seed.second);
        while (group.size() < size) {
            std::int32_t next = -1;
            smallest = 1e9;
            for (std::int32_t i = 0; i < distance.size(); ++i) {
                auto with = group;
                double farthest = 0.0;
                for (auto const member : with) {
                    farthest = std::max(farthest, distance(i, member));
                }
                if (is_free(i) && farthest < smallest) {
                    smallest = farthest;
                    next = i;
                }
            }
            take(group, next);
        }
        found.push_back(group);
    }
    return found;
}

TEST(ClusteringTest, ThePublishedMatrixGivesTheReleasedTwoGroups) {
    auto const distance = test::published_distances();
    EXPECT_EQ(
        test::tags(distance, cluster_exhaustively(distance, 2)),
        "ar-bn-fr-hi-id-ta-ur-vi-zh de-it-ja-ko-nl-ru-te-th-uk"
    );
}

TEST(ClusteringTest, ExhaustiveIsItsDefinitionTiesIncluded) {
    auto const published = test::published_distances();
    for (std::int32_t const groups : {1, 3, 6, 9, 18}) {
        auto const size = static_cast<std::size_t>(18 / groups);
        EXPECT_EQ(cluster_exhaustively(published, groups), naive_exhaustive(published, size));
    }
    for (std::uint64_t seed = 0; seed < 20; ++seed) {
        auto const distance = random_distances(12, seed, seed % 2 == 0 ? 4 : 1000000);
        for (std::int32_t const groups : {2, 3, 4, 6}) {
            EXPECT_EQ(
                cluster_exhaustively(distance, groups),
                naive_exhaustive(distance, static_cast<std::size_t>(12 / groups))
            ) << seed;
        }
    }
}

TEST(ClusteringTest, LinkageIsItsDefinitionTiesIncluded) {
    for (std::uint64_t seed = 0; seed < 20; ++seed) {
        auto const distance = random_distances(24, seed, seed % 2 == 0 ? 5 : 1000000);
        for (std::int32_t const groups : {1, 2, 4, 8, 12}) {
            EXPECT_EQ(
                cluster_by_linkage(distance, groups),
                naive_linkage(distance, static_cast<std::size_t>(24 / groups))
            ) << seed;
        }
    }
}

TEST(ClusteringTest, GroupsOfOneAreTheLanguagesInOrder) {
    auto const distance = random_distances(5, 1, 100);
    EXPECT_EQ(test::tags(distance, cluster_by_linkage(distance, 5)), "l0 l1 l2 l3 l4");
    EXPECT_EQ(test::tags(distance, cluster_exhaustively(distance, 5)), "l0 l1 l2 l3 l4");
    EXPECT_EQ(grouping_objective(distance, cluster_by_linkage(distance, 5)), 0.0);
}

TEST(ClusteringTest, TheObjectiveIsTheLargestDistanceInAGroup) {
    auto const distance = test::published_distances();
    // ar-it .02, ja-te .00: the second group's is larger.
    std::vector<LanguageGroup> const groups{{0, 6}, {7, 12}};
    EXPECT_DOUBLE_EQ(largest_distance(distance, groups[0]), 0.98);
    EXPECT_DOUBLE_EQ(grouping_objective(distance, groups), 1.0);
}

TEST(ClusteringTest, NumbersOfGroupsThatDoNotDivideAreRefusedWithThoseThatDo) {
    auto const distance = test::published_distances();
    for (auto const groups : {4, 5, 17}) {
        expect_error(Exit::usage, "give one of 1, 2, 3, 6, 9, 18", [&] {
            cluster_exhaustively(distance, groups);
        });
        expect_error(Exit::usage, "--method balanced", [&] {
            cluster_by_linkage(distance, groups);
        });
    }
    for (auto const groups : {0, -1, 19}) {
        expect_error(Exit::usage, "must lie in [1, 18]", [&] {
            cluster_exhaustively(distance, groups);
        });
    }
}

TEST(ClusteringTest, TooManySubsetsAreRefusedWithTheirNumber) {
    EXPECT_EQ(num_subsets(18, 9), 48620.0);
    EXPECT_EQ(num_subsets(18, 6), 18564.0);
    auto const distance = random_distances(128, 3, 1000000);
    expect_error(Exit::usage, "8 of 128 languages can be chosen in 1.43e+12 ways", [&] {
        cluster_exhaustively(distance, 16);
    });
    EXPECT_EQ(cluster_by_linkage(distance, 16).size(), 16U);
}

}  // namespace
}  // namespace isogloss
