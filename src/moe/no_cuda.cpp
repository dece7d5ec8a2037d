// moe/no_cuda.cpp - stands in for the .cu files of this floor.
#include "device/no_cuda.h"

#include "moe/routing_ops.h"

namespace isogloss::cuda {

SlotCounts count_slots(
    View<std::int32_t const, 2> /*expert*/,
    ExpertSeats const& /*seats*/,
    int /*num_ranks*/,
    Stream /*stream*/
) {
    fail_without_cuda("count_slots");
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
std::vector<std::int64_t> count_pairs(
    View<std::int32_t const, 2> /*route*/, std::int32_t /*num_local*/, Stream /*stream*/
) {
    fail_without_cuda("count_pairs");
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
std::vector<double> probability_sums(View<float const, 2> /*probs*/, Stream /*stream*/) {
    fail_without_cuda("probability_sums");
}

}  // namespace isogloss::cuda
