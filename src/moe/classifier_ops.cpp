// moe/classifier_ops.cpp
#include "moe/classifier_ops.h"

#include "base/require.h"

namespace isogloss {
namespace {

void check_runs(
    char const* op, std::int64_t tokens, std::int64_t runs, View<std::int32_t const, 1> lengths
) {
    require(
        (runs == 0 ? tokens == 0 : tokens % runs == 0) &&
            (lengths.data == nullptr || lengths.shape[0] == runs),
        "{}: {} tokens in {} runs, {} lengths", op, tokens, runs, lengths.shape[0]
    );
}

}  // namespace

template <class T>
void sum_runs(
    View<T const, 2> x, View<std::int32_t const, 1> lengths, View<float, 2> sums, Stream stream
) {
    check_runs("sum_runs", x.shape[0], sums.shape[0], lengths);
    require(x.shape[1] == sums.shape[1], "sum_runs: widths {} and {}", x.shape[1], sums.shape[1]);
    switch (x.device) {
        case Device::cpu: return cpu::sum_runs<T>(x, lengths, sums);
        case Device::cuda: return cuda::sum_runs<T>(x, lengths, sums, stream);
    }
}

void spread_over_runs(
    View<float const, 2> sums, View<std::int32_t const, 1> lengths, View<float, 2> x, Stream stream
) {
    check_runs("spread_over_runs", x.shape[0], sums.shape[0], lengths);
    require(
        x.shape[1] == sums.shape[1], "spread_over_runs: widths {} and {}", x.shape[1], sums.shape[1]
    );
    switch (x.device) {
        case Device::cpu: return cpu::spread_over_runs(sums, lengths, x);
        case Device::cuda: return cuda::spread_over_runs(sums, lengths, x, stream);
    }
}

void label_runs(View<std::int32_t const, 1> is_old, View<std::int32_t, 1> label, Stream stream) {
    check_runs("label_runs", is_old.shape[0], label.shape[0], {});
    switch (is_old.device) {
        case Device::cpu: return cpu::label_runs(is_old, label);
        case Device::cuda: return cuda::label_runs(is_old, label, stream);
    }
}

Verdict decide(
    View<float const, 2> logits,
    View<std::int32_t const, 1> label,
    std::int32_t class_one,
    View<float, 2> probs,
    View<std::int32_t, 1> among,
    Stream stream
) {
    check_runs("decide", among.shape[0], logits.shape[0], label);
    require(
        logits.shape[1] == 2 && probs.shape == logits.shape && class_one >= 1,
        "decide: logits are [{}, {}], probs [{}, {}], class 1 has {} experts; two classes and at "
        "least one expert are needed",
        logits.shape[0], logits.shape[1], probs.shape[0], probs.shape[1], class_one
    );
    switch (logits.device) {
        case Device::cpu: return cpu::decide(logits, label, class_one, probs, among);
        case Device::cuda: return cuda::decide(logits, label, class_one, probs, among, stream);
    }
    fail(Exit::internal, "decide: unknown device");
}

void decision_gradient(
    View<float const, 2> probs,
    View<std::int32_t const, 1> label,
    float weight,
    View<float, 2> dlogits,
    Stream stream
) {
    require(
        probs.shape == dlogits.shape && label.shape[0] == probs.shape[0],
        "decision_gradient: probs of {} runs, gradient of {}, {} labels", probs.shape[0],
        dlogits.shape[0], label.shape[0]
    );
    switch (probs.device) {
        case Device::cpu: return cpu::decision_gradient(probs, label, weight, dlogits);
        case Device::cuda: return cuda::decision_gradient(probs, label, weight, dlogits, stream);
    }
}

template decltype(sum_runs<float>) sum_runs<float>;
template decltype(sum_runs<bf16>) sum_runs<bf16>;

}  // namespace isogloss
