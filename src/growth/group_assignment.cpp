// growth/group_assignment.cpp
#include "growth/group_assignment.h"

#include <algorithm>

namespace isogloss {
namespace {

constexpr double kApart = 1e6;  // distance of two vacant places

}  // namespace

GroupAssignment::GroupAssignment(
    LanguageDistances const& distance, std::span<LanguageGroup const> groups
)
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

double GroupAssignment::objective() const {
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

std::vector<LanguageGroup> GroupAssignment::groups() const {
    std::vector<LanguageGroup> result(num_groups_);
    for (Place p = 0; p < num_languages_; ++p) {
        result[group_[p]].push_back(static_cast<std::int32_t>(p));
    }
    std::ranges::sort(result);
    return result;
}

void GroupAssignment::fill_distances(LanguageDistances const& distance) {
    for (Place a = 0; a < num_places_; ++a) {
        for (Place b = 0; b < num_places_; ++b) {
            bool const are_languages = a < num_languages_ && b < num_languages_;
            bool const are_vacant = a >= num_languages_ && b >= num_languages_ && a != b;
            distance_[a * num_places_ + b] =
                are_languages ? distance(static_cast<std::int32_t>(a), static_cast<std::int32_t>(b))
                : are_vacant  ? kApart
                              : 0.0;
        }
    }
}

}  // namespace isogloss
