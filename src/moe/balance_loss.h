// moe/balance_loss.h - the loss that keeps experts equally busy, over all ranks and layers at once.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "comm/mpi_comm.h"
#include "moe/router_losses.h"
#include "moe/routing.h"

namespace isogloss {

struct BalanceLoss {
    /// Mean over the routed layers; the same on every rank. 0 where there is none.
    double value = 0.0;
    /// [layer][E]: d (coefficient * value) / d probs[n, e], the same for every token n of every
    /// rank; empty for a layer without a router.
    std::vector<std::vector<float>> slope;
};

/// Of each layer that has a router, over the N tokens of all ranks that it routed:
///
///     L = c sum_e E f_e P_e,   f_e = router_choices_e / all choices,   P_e = mean_n probs[n, e]
///
/// with c = 1, or for BalanceScale::top_k the choices of a token in the mean: K, or less where a
/// classifier leaves tokens fewer experts than K. So c f_e is the fraction of tokens that chose e,
/// as in the released code. The gradient goes through P only: f counts choices, which have no
/// derivative. One sum over ranks serves all layers, so this is called once a micro-batch, between
/// forward and backward.
///
/// Collective over `group`. No tokens on any rank: value and slopes are 0.
/// @param layers       this rank's stats, in order of the layers; the same layers on every rank
/// @param coefficient  alpha, e.g. 0.01; 0 gives slopes of 0 and still the value
BalanceLoss balance_loss(
    std::span<RoutingStats const> layers,
    BalanceScale scale,
    double coefficient,
    MpiComm const& group
);

}  // namespace isogloss
