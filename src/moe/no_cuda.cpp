// moe/no_cuda.cpp - stands in for the .cu files of this floor.
#include "device/no_cuda.h"

#include "moe/classifier_ops.h"
#include "moe/probability_gates.h"
#include "moe/router_losses.h"
#include "moe/routing_ops.h"
#include "moe/scores.h"
#include "moe/shared_gate.h"
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
void score_inputs(
    View<float const, 2> /*dlogits*/,
    View<float const, 2> /*weight*/,
    View<T, 2> /*dx*/,
    Stream /*stream*/
) {
    fail_without_cuda("score_inputs");
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
void take_probabilities(
    ChosenProbabilities const& /*chosen*/, View<float, 2> /*gate*/, Stream /*stream*/
) {
    fail_without_cuda("take_probabilities");
}
void take_probabilities_backward(
    ChosenProbabilities const& /*chosen*/,
    View<float const, 2> /*dgate*/,
    View<float, 2> /*dlogits*/,
    Stream /*stream*/
) {
    fail_without_cuda("take_probabilities_backward");
}
template <class T>
void shared_gate(
    View<T const, 2> /*x*/, View<T const, 2> /*weight*/, View<float, 1> /*gate*/, Stream /*stream*/
) {
    fail_without_cuda("shared_gate");
}
template <class T>
void add_gated(
    View<T const, 2> /*z*/, View<float const, 1> /*gate*/, View<T, 2> /*y*/, Stream /*stream*/
) {
    fail_without_cuda("add_gated");
}
template <class T>
void shared_gate_backward(
    View<T const, 2> /*dy*/,
    GatedRows<T> const& /*rows*/,
    View<T, 2> /*dz*/,
    View<float, 1> /*dscore*/,
    Stream /*stream*/
) {
    fail_without_cuda("shared_gate_backward");
}
template <class T>
void add_shared_input(
    View<T const, 2> /*part*/,
    View<float const, 1> /*dscore*/,
    View<T const, 2> /*weight*/,
    View<T, 2> /*dx*/,
    Stream /*stream*/
) {
    fail_without_cuda("add_shared_input");
}

template decltype(shared_gate<float>) shared_gate<float>;
template decltype(shared_gate<bf16>) shared_gate<bf16>;
template decltype(add_gated<float>) add_gated<float>;
template decltype(add_gated<bf16>) add_gated<bf16>;
template decltype(shared_gate_backward<float>) shared_gate_backward<float>;
template decltype(shared_gate_backward<bf16>) shared_gate_backward<bf16>;
template decltype(add_shared_input<float>) add_shared_input<float>;
template decltype(add_shared_input<bf16>) add_shared_input<bf16>;
template decltype(score<float>) score<float>;
template decltype(score<bf16>) score<bf16>;
template decltype(score_weights<float>) score_weights<float>;
template decltype(score_weights<bf16>) score_weights<bf16>;
template decltype(score_inputs<float>) score_inputs<float>;
template decltype(score_inputs<bf16>) score_inputs<bf16>;
template decltype(sum_runs<float>) sum_runs<float>;
template decltype(sum_runs<bf16>) sum_runs<bf16>;
template decltype(add_unit_rows<float>) add_unit_rows<float>;
template decltype(add_unit_rows<bf16>) add_unit_rows<bf16>;

}  // namespace isogloss::cuda
