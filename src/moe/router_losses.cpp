// moe/router_losses.cpp
#include "moe/router_losses.h"

#include "base/require.h"

namespace isogloss {
namespace {

void check(View<float const, 2> logits, RouterLossTerms const& terms) {
    auto const tokens = logits.shape[0];
    require(
        !terms.classification.is_wanted() || terms.group.shape[0] == tokens,
        "router losses: {} tokens, {} groups", tokens, terms.group.shape[0]
    );
    require(
        !terms.priors.is_wanted() || terms.is_old.shape[0] == tokens,
        "router losses: {} tokens, {} labels of old languages", tokens, terms.is_old.shape[0]
    );
}

}  // namespace

RouterLossValues router_losses(
    View<float const, 2> logits, RouterLossTerms const& terms, Stream stream
) {
    check(logits, terms);
    switch (logits.device) {
        case Device::cpu: return cpu::router_losses(logits, terms);
        case Device::cuda: return cuda::router_losses(logits, terms, stream);
    }
    fail(Exit::internal, "router_losses: unknown device");
}

void add_router_loss_gradients(
    View<float const, 2> probs,
    RouterLossTerms const& terms,
    BalanceSlope const& balance,
    View<float, 2> dlogits,
    Stream stream
) {
    check(probs, terms);
    require(
        probs.shape == dlogits.shape &&
            (balance.slope.data == nullptr || balance.slope.shape[0] == probs.shape[1]),
        "router losses: probs are [{}, {}], dlogits [{}, {}], slopes {}", probs.shape[0],
        probs.shape[1], dlogits.shape[0], dlogits.shape[1], balance.slope.shape[0]
    );
    switch (probs.device) {
        case Device::cpu: return cpu::add_router_loss_gradients(probs, terms, balance, dlogits);
        case Device::cuda:
            return cuda::add_router_loss_gradients(probs, terms, balance, dlogits, stream);
    }
}

}  // namespace isogloss
