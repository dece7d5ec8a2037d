// tests/moe/routed_tokens.h - tokens and choices that every rank can compute for every other.
#pragma once

#include <cstdint>
#include <set>
#include <vector>

#include "moe/dispatch_plan.h"

namespace isogloss {

/// P ranks, two experts each: expert e lives on rank e / 2. Fewer tokens on each later rank, none
/// on the fourth; every rank's choices differ.
struct RoutedTokens {
    static constexpr std::int64_t kChoices = 3;

    int ranks = 1;

    [[nodiscard]] std::int32_t experts() const { return 2 * ranks + 1; }

    /// The odd one out has two holders where there are two ranks.
    [[nodiscard]] LayerPlacement placement() const {
        LayerPlacement placement;
        for (int e = 0; e < 2 * ranks; ++e) {
            placement.ranks.push_back({e / 2});
        }
        placement.ranks.push_back(ranks > 1 ? std::vector<int>{0, 1} : std::vector<int>{0});
        return placement;
    }

    [[nodiscard]] static std::int64_t tokens(int rank) { return rank == 3 ? 0 : 9 - 3 * rank; }

    /// [N, K], no expert twice in a row.
    [[nodiscard]] std::vector<std::int32_t> choices(int rank) const {
        std::vector<std::int32_t> list;
        for (std::int32_t n = 0; n < tokens(rank); ++n) {
            auto const first = (n * n + rank) % experts();
            auto const second = (first + 1 + n % (experts() - 2)) % experts();
            auto third = (first + second + 1) % experts();
            while (third == first || third == second) {
                third = (third + 1) % experts();
            }
            list.insert(list.end(), {first, second, third});
        }
        return list;
    }

    /// Dyadic, different for each k: sums of a few are exact.
    [[nodiscard]] static float gate(std::int64_t n, std::int64_t k) {
        return (k == 0 ? 0.5F : k == 1 ? 0.25F : 0.125F) * static_cast<float>(1 + n % 2);
    }

    /// Whom rank `source` asks for expert e, by hand: the odd expert is on ranks 0 and 1, of which
    /// each serves itself and other sources in turn.
    [[nodiscard]] int seat(std::int32_t e, int source) const {
        if (e < 2 * ranks) {
            return e / 2;
        }
        return ranks == 1 ? 0 : source % 2;
    }
    /// Place of expert e among those of its rank.
    [[nodiscard]] std::int32_t local(std::int32_t e) const { return e < 2 * ranks ? e % 2 : 2; }

    /// Tokens of `source` that visit rank `p`, ascending.
    [[nodiscard]] std::vector<std::int64_t> visitors(int source, int p) const {
        std::set<std::int64_t> list;
        auto const chosen = choices(source);
        for (std::size_t i = 0; i < chosen.size(); ++i) {
            if (seat(chosen[i], source) == p) {
                list.insert(static_cast<std::int64_t>(i) / kChoices);
            }
        }
        return {list.begin(), list.end()};
    }
};

}  // namespace isogloss
