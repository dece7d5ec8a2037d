// moe/no_cuda.cpp - stands in for the .cu files of this floor.
#include "device/no_cuda.h"

#include "moe/classifier_ops.h"
#include "moe/router_losses.h"
#include "moe/routing_ops.h"
#include "moe/scores.h"
#include "moe/unit_rows.h"

namespace isogloss::cuda {

RoutingCounts count_routing(
    Counted const& /*counted*/, ExpertSeats const& /*seats*/, int /*num_ranks*/, Stream /*stream*/
) {
    fail_without_cuda("count_routing");
}
void fill_slots(
    View<std::int32_t const, 2> /*expert*/,
    ExpertSeats const& /*seats*/,
    DispatchPlan const& /*plan*/,
    Stream /*stream*/
) {
    fail_without_cuda("fill_slots");
}
void fill_routes(
    View<std::int32_t const, 2> /*expert*/,
    View<float const, 2> /*gate*/,
    ExpertSeats const& /*seats*/,
    View<std::int32_t const, 2> /*choice_slot*/,
    View<std::int32_t, 2> /*route*/,
    Stream /*stream*/
) {
    fail_without_cuda("fill_routes");
}
void fill_pairs(
    View<std::int32_t const, 2> /*route*/, DispatchPlan const& /*plan*/, Stream /*stream*/
) {
    fail_without_cuda("fill_pairs");
}
void pairs_to_rows(
    View<float const, 1> /*pairs*/,
    DispatchPlan const& /*plan*/,
    View<float, 2> /*rows*/,
    Stream /*stream*/
) {
    fail_without_cuda("pairs_to_rows");
}
void slots_to_choices(
    View<float const, 2> /*slots*/,
    DispatchPlan const& /*plan*/,
    View<float, 2> /*choices*/,
    Stream /*stream*/
) {
    fail_without_cuda("slots_to_choices");
}
void give_experts(
    View<std::int32_t const, 1> /*given*/,
    std::int32_t /*num_experts*/,
    View<std::int32_t, 2> /*expert*/,
    View<float, 2> /*gate*/,
    Stream /*stream*/
) {
    fail_without_cuda("give_experts");
}
RouterLossValues router_losses(
    View<float const, 2> /*logits*/, RouterLossTerms const& /*terms*/, Stream /*stream*/
) {
    fail_without_cuda("router_losses");
}
void add_router_loss_gradients(
    View<float const, 2> /*probs*/,
    RouterLossTerms const& /*terms*/,
    BalanceSlope const& /*balance*/,
    View<float, 2> /*dlogits*/,
    Stream /*stream*/
) {
    fail_without_cuda("add_router_loss_gradients");
}
template <class T>
void sum_runs(
    View<T const, 2> /*x*/,
    View<std::int32_t const, 1> /*lengths*/,
    View<float, 2> /*sums*/,
    Stream /*stream*/
) {
    fail_without_cuda("sum_runs");
}
void spread_over_runs(
    View<float const, 2> /*sums*/,
    View<std::int32_t const, 1> /*lengths*/,
    View<float, 2> /*x*/,
    Stream /*stream*/
) {
    fail_without_cuda("spread_over_runs");
}
void label_runs(
    View<std::int32_t const, 1> /*is_old*/, View<std::int32_t, 1> /*label*/, Stream /*stream*/
) {
    fail_without_cuda("label_runs");
}
Verdict decide(
    View<float const, 2> /*logits*/,
    View<std::int32_t const, 1> /*label*/,
    std::int32_t /*class_one*/,
    View<float, 2> /*probs*/,
    View<std::int32_t, 1> /*among*/,
    Stream /*stream*/
) {
    fail_without_cuda("decide");
}
void decision_gradient(
    View<float const, 2> /*probs*/,
    View<std::int32_t const, 1> /*label*/,
    float /*weight*/,
    View<float, 2> /*dlogits*/,
    Stream /*stream*/
) {
    fail_without_cuda("decision_gradient");
}
template <class T>
void score(
    View<T const, 2> /*x*/,
    View<float const, 2> /*weight*/,
    View<float, 2> /*logits*/,
    Stream /*stream*/
) {
    fail_without_cuda("score");
}
template <class T>
void score_weights(
    View<float const, 2> /*dlogits*/,
    View<T const, 2> /*x*/,
    View<float, 2> /*dweight*/,
    Stream /*stream*/
) {
    fail_without_cuda("score_weights");
}
template <class T>
void add_unit_rows(
    View<T const, 2> /*x*/,
    View<std::int32_t const, 1> /*target*/,
    std::span<double> /*sum*/,
    Stream /*stream*/
) {
    fail_without_cuda("add_unit_rows");
}

template decltype(score<float>) score<float>;
template decltype(score<bf16>) score<bf16>;
template decltype(score_weights<float>) score_weights<float>;
template decltype(score_weights<bf16>) score_weights<bf16>;
template decltype(sum_runs<float>) sum_runs<float>;
template decltype(sum_runs<bf16>) sum_runs<bf16>;
template decltype(add_unit_rows<float>) add_unit_rows<float>;
template decltype(add_unit_rows<bf16>) add_unit_rows<bf16>;

}  // namespace isogloss::cuda
