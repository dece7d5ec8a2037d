// growth/conflict_search.cpp
#include "growth/conflict_search.h"

#include <algorithm>
#include <limits>
#include <vector>

#include "base/random.h"

namespace isogloss {
namespace {

constexpr std::uint64_t kSearchSeed = 20250;  // any number; results must only be the same each time

class ConflictSearch {
public:
    ConflictSearch(GroupAssignment& assignment, double limit, std::uint64_t stream)
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
        auto const random = random_bits(kSearchSeed, stream_, static_cast<std::uint64_t>(now_));
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

    GroupAssignment& assignment_;
    double limit_;
    std::uint64_t stream_;
    std::vector<int> count_;         // [place][group] conflicts with members of the group
    std::vector<int> barred_until_;  // [place][group] when it may go there again
    int total_ = 0;
    int fewest_ = 0;
    int now_ = 0;
};

}  // namespace

bool resolve_conflicts(GroupAssignment& assignment, double limit, std::uint64_t stream) {
    return ConflictSearch(assignment, limit, stream).run();
}

}  // namespace isogloss
