// growth/balanced_clustering.cpp
#include "growth/balanced_clustering.h"

#include <algorithm>
#include <utility>

#include "base/random.h"
#include "base/require.h"
#include "growth/conflict_search.h"

namespace isogloss {
namespace {

constexpr int kBeginnings = 8;       // of a search for one objective, before it is given up
constexpr double kLeastGain = 1e-9;  // of a sum of distances, far above its rounding
// Any number; results must only be the same each time.
constexpr std::uint64_t kExchangeSeed = 20251;

// Random exchanges, ever more of them: another beginning near the best assignment, then far.
GroupAssignment shaken(GroupAssignment assignment, int beginning, std::uint64_t stream) {
    auto const n = assignment.num_places();
    auto const exchanges = n * static_cast<std::size_t>(beginning) / 8;
    for (std::size_t i = 0; i < exchanges; ++i) {
        auto const random = random_bits(kExchangeSeed, stream, i);
        assignment.exchange(random % n, (random >> 32U) % n);
    }
    return assignment;
}

bool lower_objective(GroupAssignment& best, std::uint64_t& stream) {
    auto const limit = best.objective();
    for (int beginning = 0; beginning < kBeginnings; ++beginning) {
        auto trial = shaken(best, beginning, ++stream);
        if (resolve_conflicts(trial, limit, stream)) {
            best = trial;
            return true;
        }
    }
    return false;
}

/// Sums of the distances of each place to each group, kept while places are exchanged.
class DistanceSums {
public:
    explicit DistanceSums(GroupAssignment& assignment)
        : assignment_(assignment),
          limit_(assignment.objective()),
          sum_(assignment.num_places() * assignment.num_groups(), 0.0) {
        for (Place a = 0; a < assignment_.num_places(); ++a) {
            for (Place b = 0; b < assignment_.num_places(); ++b) {
                sum(a, assignment_.group(b)) += assignment_.distance(a, b);
            }
        }
    }

    /// Exchanges a and b if that makes the sum of the distances within groups smaller and the
    /// objective no larger. True if it did.
    bool exchange_if_better(Place a, Place b) {
        auto const from = assignment_.group(a);
        auto const to = assignment_.group(b);
        if (from == to) {
            return false;
        }
        auto const change = sum(a, to) + sum(b, from) - sum(a, from) - sum(b, to) -
                            2.0 * assignment_.distance(a, b);
        if (change > -kLeastGain || !may_join(a, b) || !may_join(b, a)) {
            return false;
        }
        for (Place p = 0; p < assignment_.num_places(); ++p) {
            auto const moved = assignment_.distance(p, b) - assignment_.distance(p, a);
            sum(p, from) += moved;
            sum(p, to) -= moved;
        }
        assignment_.exchange(a, b);
        return true;
    }

private:
    [[nodiscard]] double& sum(Place p, std::size_t group) {
        return sum_[p * assignment_.num_groups() + group];
    }

    // Whether p is within the limit of the group of `instead`, which leaves it.
    [[nodiscard]] bool may_join(Place p, Place instead) const {
        for (Place other = 0; other < assignment_.num_places(); ++other) {
            if (assignment_.group(other) == assignment_.group(instead) && other != instead &&
                assignment_.distance(p, other) > limit_) {
                return false;
            }
        }
        return true;
    }

    GroupAssignment& assignment_;
    double limit_;
    std::vector<double> sum_;  // [place][group]
};

void tighten(GroupAssignment& assignment) {
    DistanceSums sums(assignment);
    for (bool is_better = true; is_better;) {
        is_better = false;
        for (Place a = 0; a < assignment.num_places(); ++a) {
            for (Place b = a + 1; b < assignment.num_places(); ++b) {
                is_better = sums.exchange_if_better(a, b) || is_better;
            }
        }
    }
}

std::vector<LanguageGroup> best_greedy(LanguageDistances const& distance, std::int32_t groups) {
    std::vector<std::int32_t> sizes(static_cast<std::size_t>(groups), distance.size() / groups);
    auto const larger = distance.size() % groups;
    for (std::int32_t g = 0; g < larger; ++g) {
        ++sizes[static_cast<std::size_t>(g)];
    }
    auto best = cluster_by_linkage(distance, sizes);
    if (larger == 0 && num_subsets(distance.size(), sizes[0]) <= kMostSubsets) {
        auto other = cluster_exhaustively(distance, groups);
        if (grouping_objective(distance, other) < grouping_objective(distance, best)) {
            best = std::move(other);
        }
    }
    return best;
}

}  // namespace

double objective_bound(LanguageDistances const& distance, std::int32_t smallest) {
    double bound = 0.0;
    for (std::int32_t a = 0; a < distance.size(); ++a) {
        std::vector<double> to_others;  // to itself 0, so that the place in the order is the count
        for (std::int32_t b = 0; b < distance.size(); ++b) {
            to_others.push_back(distance(a, b));
        }
        std::ranges::sort(to_others);
        bound = std::max(bound, to_others.at(static_cast<std::size_t>(smallest - 1)));
    }
    return bound;
}

std::vector<LanguageGroup> cluster_balanced(
    LanguageDistances const& distance, std::int32_t groups
) {
    require_usage(
        groups >= 1 && groups <= distance.size(), "groups = {}: must lie in [1, {}], the languages",
        groups, distance.size()
    );
    GroupAssignment assignment(distance, best_greedy(distance, groups));
    auto const bound = objective_bound(distance, distance.size() / groups);
    std::uint64_t stream = 0;
    while (assignment.objective() > bound && lower_objective(assignment, stream)) {
    }
    tighten(assignment);
    return assignment.groups();
}

}  // namespace isogloss
