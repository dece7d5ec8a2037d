// cli/step_load.cpp
#include "cli/step_load.h"

#include <algorithm>
#include <numeric>
#include <vector>

#include "base/math.h"
#include "comm/collective.h"

namespace isogloss {
namespace {

double busiest_of_mean(std::vector<std::int64_t> const& counts) {
    auto const sum = std::accumulate(counts.begin(), counts.end(), std::int64_t{0});
    auto const mean = static_cast<double>(sum) / static_cast<double>(counts.size());
    return mean > 0.0 ? static_cast<double>(std::ranges::max(counts)) / mean : 1.0;
}

}  // namespace

StepLoad load_of(PassResult const& pass, Placement const& placement, MpiComm const& world) {
    StepLoad sum{0.0, 0.0};
    double layers = 0.0;
    for (std::size_t l = 0; l < pass.expert_tokens.size(); ++l) {
        auto experts = pass.expert_tokens[l];
        if (experts.empty()) {
            continue;
        }
        std::vector<std::int64_t> ranks(index(world.size()), 0);
        for (std::size_t e = 0; e < experts.size(); ++e) {
            auto const holder =
                placement.layers[l].holder_for(static_cast<std::int32_t>(e), world.rank());
            ranks[index(holder)] += experts[e];
        }
        sum_over(experts, world);
        sum_over(ranks, world);
        sum.expert += busiest_of_mean(experts);
        sum.rank += busiest_of_mean(ranks);
        layers += 1.0;
    }
    return layers > 0.0 ? StepLoad{sum.expert / layers, sum.rank / layers} : StepLoad{};
}

}  // namespace isogloss
