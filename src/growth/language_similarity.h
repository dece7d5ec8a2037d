// growth/language_similarity.h - how alike languages are, each with each.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "base/json.h"

namespace isogloss {

/// dist(x, y) = 1 - clamp(sim(x, y), -1, 1), in [0, 2]; of each language to itself 0.
class LanguageDistances {
public:
    /// @param similarity  [n n], rows one after another; the diagonal is passed over, and of two
    ///                    cells across it the mean counts
    LanguageDistances(std::vector<std::string> languages, std::vector<double> const& similarity);

    [[nodiscard]] std::int32_t size() const { return static_cast<std::int32_t>(languages_.size()); }
    [[nodiscard]] std::vector<std::string> const& languages() const { return languages_; }
    [[nodiscard]] double operator()(std::int32_t a, std::int32_t b) const {
        return distance_
            [static_cast<std::size_t>(a) * languages_.size() + static_cast<std::size_t>(b)];
    }

private:
    std::vector<std::string> languages_;
    std::vector<double> distance_;
};

/// Reads {"languages": [n tags], "similarity": [[n numbers] n times]}; other keys are passed over.
/// @throws Error  (data) naming the cell, where the matrix is not square, not symmetric within
///         1e-6, not finite, or outside [-1, 1] by more than 1e-6; or where a language stands twice
LanguageDistances language_distances_from_json(Json const& value, std::string const& where);

}  // namespace isogloss
