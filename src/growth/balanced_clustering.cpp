// growth/balanced_clustering.cpp
#include "growth/balanced_clustering.h"

#include <algorithm>
#include <limits>
#include <utility>

#include "base/random.h"
#include "base/require.h"

namespace isogloss {
namespace {

constexpr int kBeginnings = 8;          // of a search for one objective, before it is given up
constexpr double kLeastGain = 1e-9;     // of a sum of distances, far above its rounding
constexpr double kApart = 1e6;          // distance of two vacant places
constexpr std::uint64_t kSeed = 20250;  // any number; results must only be the same each time

using Place = std::size_t;

/// An assignment of places to groups of equal size. Where the sizes differ, the smaller groups hold
/// one vacant place each: at distance 0 from every language and far from its like, so that an
/// exchange of a language for a vacancy moves the language.
class Assignment {
public:
    Assignment(LanguageDistances const& distance, std::vector<LanguageGroup> const& groups)
        : num_languages_(static_cast<std::size_t>(distance.size())), num_groups_(groups.size()) {
        auto const size = (num_languages_ + num_groups_ - 1) / num_groups_;
        num_places_ = size * num_groups_;
        group_.resize(num_places_);
        distance_.assign(num_places_ * num_places_, 0.0);
        fill_distances(distance);
        auto vacancy = num_languages_;
        for (std::size_t g = 0; g < num_groups_; ++g) {
            for (auto const language : groups[g]) {
                group_[static_cast<std::size_t>(language)] = g;
            }
            for (auto filled = groups[g].size(); filled < size; ++filled) {
                group_.at(vacancy++) = g;
            }
        }
    }

    [[nodiscard]] std::size_t num_places() const { return num_places_; }
    [[nodiscard]] std::size_t num_groups() const { return num_groups_; }
    [[nodiscard]] std::size_t group(Place p) const { return group_[p]; }
    [[nodiscard]] double distance(Place a, Place b) const { return distance_[a * num_places_ + b]; }
    void exchange(Place a, Place b) { std::swap(group_[a], group_[b]); }

    [[nodiscard]] double objective() const {
        double largest = 0.0;
        for (Place a = 0; a < num_places_; ++a) {
            for (Place b = a + 1; b < num_places_; ++b) {
                if (group_[a] == group_[b]) {
                    largest = std::max(largest, distance(a, b));
                }
            }
        }
        return largest;
    }

    [[nodiscard]] std::vector<LanguageGroup> groups() const {
        std::vector<LanguageGroup> result(num_groups_);
        for (Place p = 0; p < num_languages_; ++p) {
            result[group_[p]].push_back(static_cast<std::int32_t>(p));
        }
        std::ranges::sort(result);
        return result;
    }

private:
    void fill_distances(LanguageDistances const& distance) {
        for (Place a = 0; a < num_places_; ++a) {
            for (Place b = 0; b < num_places_; ++b) {
                bool const are_languages = a < num_languages_ && b < num_languages_;
                bool const are_vacant = a >= num_languages_ && b >= num_languages_ && a != b;
                distance_[a * num_places_ + b] =
                    are_languages
                        ? distance(static_cast<std::int32_t>(a), static_cast<std::int32_t>(b))
                    : are_vacant ? kApart
                                 : 0.0;
            }
        }
    }

    std::size_t num_languages_;
    std::size_t num_groups_;
    std::size_t num_places_ = 0;
    std::vector<std::size_t> group_;
    std::vector<double> distance_;
};

/// Looks for an assignment without conflicts, pairs of one group at distance >= limit, by the
/// exchange that leaves fewest; what left a group may not come back for a while (tabu search, as
/// for colouring a graph).
class ConflictSearch {
public:
    ConflictSearch(Assignment& assignment, double limit, std::uint64_t stream)
        : assignment_(assignment),
          limit_(limit),
          stream_(stream),
          count_(assignment.num_places() * assignment.num_groups(), 0),
          barred_until_(count_.size(), 0) {
        for (Place a = 0; a < assignment_.num_places(); ++a) {
            for (Place b = 0; b < assignment_.num_places(); ++b) {
                count(a, assignment_.group(b)) += conflict(a, b);
            }
            total_ += count(a, assignment_.group(a));
        }
        total_ /= 2;
        fewest_ = total_;
    }

    /// Whether the assignment has no conflicts now.
    bool run() {
        auto const exchanges = 500 + 20 * static_cast<int>(assignment_.num_places());
        for (now_ = 1; now_ <= exchanges && total_ > 0; ++now_) {
            step();
        }
        return total_ == 0;
    }

private:
    struct Exchange {
        Place a = 0;
        Place b = 0;
        int change = std::numeric_limits<int>::max();
    };

    [[nodiscard]] int conflict(Place a, Place b) const {
        return a != b && assignment_.distance(a, b) >= limit_ ? 1 : 0;
    }
    [[nodiscard]] int& count(Place p, std::size_t group) {
        return count_[p * assignment_.num_groups() + group];
    }
    [[nodiscard]] int& barred_until(Place p, std::size_t group) {
        return barred_until_[p * assignment_.num_groups() + group];
    }

    [[nodiscard]] int change_of(Place a, Place b) {
        auto const from = assignment_.group(a);
        auto const to = assignment_.group(b);
        return count(a, to) + count(b, from) - count(a, from) - count(b, to) - 2 * conflict(a, b);
    }

    void consider(Place a, Place b, Exchange& best) {
        auto const from = assignment_.group(a);
        auto const to = assignment_.group(b);
        if (from == to) {
            return;
        }
        auto const change = change_of(a, b);
        bool const is_barred = barred_until(a, to) > now_ || barred_until(b, from) > now_;
        if (change < best.change && (!is_barred || total_ + change < fewest_)) {
            best = {a, b, change};
        }
    }

    // Ties go to the first one after a random place, so that the search does not walk in a circle.
    void step() {
        auto const n = assignment_.num_places();
        auto const random = random_bits(kSeed, stream_, static_cast<std::uint64_t>(now_));
        auto const shift = static_cast<Place>(random % n);
        Exchange best;
        for (Place i = 0; i < n; ++i) {
            auto const a = i + shift < n ? i + shift : i + shift - n;
            if (count(a, assignment_.group(a)) > 0) {
                for (Place b = shift; b < n; ++b) {
                    consider(a, b, best);
                }
                for (Place b = 0; b < shift; ++b) {
                    consider(a, b, best);
                }
            }
        }
        if (best.change < std::numeric_limits<int>::max()) {
            apply(best, 5 + static_cast<int>((random >> 32U) % 10));
        }
    }

    void apply(Exchange const& exchange, int tenure) {
        auto const [a, b, change] = exchange;
        auto const from = assignment_.group(a);
        auto const to = assignment_.group(b);
        for (Place p = 0; p < assignment_.num_places(); ++p) {
            auto const moved = conflict(p, b) - conflict(p, a);
            count(p, from) += moved;
            count(p, to) -= moved;
        }
        assignment_.exchange(a, b);
        barred_until(a, from) = now_ + tenure;
        barred_until(b, to) = now_ + tenure;
        total_ += change;
        fewest_ = std::min(fewest_, total_);
    }

    Assignment& assignment_;
    double limit_;
    std::uint64_t stream_;
    std::vector<int> count_;         // [place][group] conflicts with members of the group
    std::vector<int> barred_until_;  // [place][group] when it may go there again
    int total_ = 0;
    int fewest_ = 0;
    int now_ = 0;
};

// Random exchanges, ever more of them: another beginning near the best assignment, then far.
Assignment shaken(Assignment assignment, int beginning, std::uint64_t stream) {
    auto const n = assignment.num_places();
    auto const exchanges = n * static_cast<std::size_t>(beginning) / 8;
    for (std::size_t i = 0; i < exchanges; ++i) {
        auto const random = random_bits(kSeed + 1, stream, i);
        assignment.exchange(random % n, (random >> 32U) % n);
    }
    return assignment;
}

bool lower_objective(Assignment& best, std::uint64_t& stream) {
    auto const limit = best.objective();
    for (int beginning = 0; beginning < kBeginnings; ++beginning) {
        auto trial = shaken(best, beginning, ++stream);
        if (ConflictSearch(trial, limit, stream).run()) {
            best = trial;
            return true;
        }
    }
    return false;
}

/// Sums of the distances of each place to each group, kept while places are exchanged.
class DistanceSums {
public:
    explicit DistanceSums(Assignment& assignment)
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

    Assignment& assignment_;
    double limit_;
    std::vector<double> sum_;  // [place][group]
};

void tighten(Assignment& assignment) {
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
    Assignment assignment(distance, best_greedy(distance, groups));
    auto const bound = objective_bound(distance, distance.size() / groups);
    std::uint64_t stream = 0;
    while (assignment.objective() > bound && lower_objective(assignment, stream)) {
    }
    tighten(assignment);
    return assignment.groups();
}

}  // namespace isogloss
