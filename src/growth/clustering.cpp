// growth/clustering.cpp
#include "growth/clustering.h"

#include <algorithm>
#include <limits>
#include <numeric>
#include <string>

#include "base/require.h"

namespace isogloss {
namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();

void check_groups(std::int32_t languages, std::int32_t groups) {
    require_usage(
        groups >= 1 && groups <= languages, "groups = {}: must lie in [1, {}], the languages",
        groups, languages
    );
    std::string divisors;
    for (std::int32_t k = 1; k <= languages; ++k) {
        divisors += languages % k == 0 ? (k > 1 ? ", " : "") + std::to_string(k) : "";
    }
    require_usage(
        languages % groups == 0,
        "groups = {}: does not divide {} languages into groups of equal size; give one of {}, or "
        "--method balanced, whose sizes may differ by one",
        groups, languages, divisors
    );
}

std::vector<std::int32_t> all_languages(LanguageDistances const& distance) {
    std::vector<std::int32_t> all(static_cast<std::size_t>(distance.size()));
    std::iota(all.begin(), all.end(), 0);
    return all;
}

void remove_from(std::vector<std::int32_t>& rest, LanguageGroup const& group) {
    std::erase_if(rest, [&](std::int32_t language) {
        return std::ranges::find(group, language) != group.end();
    });
}

double distance_to_group(
    LanguageDistances const& distance, std::int32_t language, std::span<std::int32_t const> group
) {
    double largest = 0.0;
    for (auto const member : group) {
        largest = std::max(largest, distance(language, member));
    }
    return largest;
}

/// Finds the first of the best subsets of `rest`, in lexicographic order. A subset whose beginning
/// already is no better than the best so far is left out with all that begin like it: it could
/// only come later than an equal one.
class SubsetSearch {
public:
    SubsetSearch(
        LanguageDistances const& distance, std::span<std::int32_t const> rest, std::size_t size
    )
        : distance_(distance), rest_(rest), size_(size) {
        chosen_.reserve(size);
        extend(0, 0.0);
    }

    [[nodiscard]] LanguageGroup take() { return std::move(best_); }

private:
    void extend(std::size_t from, double largest) {
        if (chosen_.size() == size_) {
            best_ = chosen_;
            best_distance_ = largest;
            return;
        }
        auto const end = rest_.size() - (size_ - chosen_.size()) + 1;
        for (std::size_t i = from; i < end; ++i) {
            auto const next = std::max(largest, distance_to_group(distance_, rest_[i], chosen_));
            if (next < best_distance_) {
                chosen_.push_back(rest_[i]);
                extend(i + 1, next);
                chosen_.pop_back();
            }
        }
    }

    LanguageDistances const& distance_;
    std::span<std::int32_t const> rest_;
    std::size_t size_;
    LanguageGroup chosen_;
    LanguageGroup best_;
    double best_distance_ = kInfinity;
};

LanguageGroup closest_pair(LanguageDistances const& distance, std::span<std::int32_t const> rest) {
    LanguageGroup pair;
    double smallest = kInfinity;
    for (std::size_t i = 0; i < rest.size(); ++i) {
        for (std::size_t j = i + 1; j < rest.size(); ++j) {
            if (distance(rest[i], rest[j]) < smallest) {
                smallest = distance(rest[i], rest[j]);
                pair = {rest[i], rest[j]};
            }
        }
    }
    return pair;
}

std::int32_t nearest_to(
    LanguageDistances const& distance,
    LanguageGroup const& group,
    std::span<std::int32_t const> rest
) {
    std::int32_t nearest = -1;
    double smallest = kInfinity;
    for (auto const language : rest) {
        auto const largest = distance_to_group(distance, language, group);
        if (largest < smallest && std::ranges::find(group, language) == group.end()) {
            smallest = largest;
            nearest = language;
        }
    }
    return nearest;
}

}  // namespace

double largest_distance(LanguageDistances const& distance, std::span<std::int32_t const> group) {
    double largest = 0.0;
    for (std::size_t i = 0; i < group.size(); ++i) {
        largest = std::max(largest, distance_to_group(distance, group[i], group.first(i)));
    }
    return largest;
}

double grouping_objective(
    LanguageDistances const& distance, std::span<LanguageGroup const> groups
) {
    double largest = 0.0;
    for (auto const& group : groups) {
        largest = std::max(largest, largest_distance(distance, group));
    }
    return largest;
}

double num_subsets(std::int32_t n, std::int32_t k) {
    double count = 1.0;
    for (std::int32_t i = 1; i <= k; ++i) {
        count = count * (n - k + i) / i;
    }
    return count;
}

std::vector<LanguageGroup> cluster_exhaustively(
    LanguageDistances const& distance, std::int32_t groups
) {
    check_groups(distance.size(), groups);
    auto const size = distance.size() / groups;
    auto const subsets = num_subsets(distance.size(), size);
    require_usage(
        subsets <= kMostSubsets,
        "{} of {} languages can be chosen in {:.3g} ways, more than the {:.3g} that are tried; use "
        "--method linkage or --method balanced",
        size, distance.size(), subsets, kMostSubsets
    );
    auto rest = all_languages(distance);
    std::vector<LanguageGroup> found;
    while (!rest.empty()) {
        found.push_back(SubsetSearch(distance, rest, static_cast<std::size_t>(size)).take());
        remove_from(rest, found.back());
    }
    return found;
}

std::vector<LanguageGroup> cluster_by_linkage(
    LanguageDistances const& distance, std::int32_t groups
) {
    check_groups(distance.size(), groups);
    std::vector<std::int32_t> const sizes(
        static_cast<std::size_t>(groups), distance.size() / groups
    );
    return cluster_by_linkage(distance, sizes);
}

std::vector<LanguageGroup> cluster_by_linkage(
    LanguageDistances const& distance, std::span<std::int32_t const> sizes
) {
    auto rest = all_languages(distance);
    std::vector<LanguageGroup> found;
    for (auto const size : sizes) {
        require(
            size >= 1 && static_cast<std::size_t>(size) <= rest.size(),
            "a group of {} out of {} languages", size, rest.size()
        );
        auto group = size == 1 ? LanguageGroup{rest.front()} : closest_pair(distance, rest);
        while (group.size() < static_cast<std::size_t>(size)) {
            group.push_back(nearest_to(distance, group, rest));
        }
        remove_from(rest, group);
        found.push_back(std::move(group));
    }
    require(rest.empty(), "{} languages are in no group", rest.size());
    return found;
}

}  // namespace isogloss
