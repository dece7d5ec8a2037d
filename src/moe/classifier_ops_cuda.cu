// moe/classifier_ops_cuda.cu
#include "device/cuda_memory.h"
#include "moe/classifier_ops.h"
#include "moe/cuda_launch.h"

namespace isogloss::cuda {
namespace {

struct Runs {
    std::int64_t count;
    std::int64_t tokens;  // of each run
    std::int32_t const* lengths;

    // Counted tokens of run s.
    [[nodiscard]] __device__ std::int64_t counted(std::int64_t s) const {
        return lengths == nullptr ? tokens : lengths[s];
    }
};

Runs runs_of(std::int64_t tokens, std::int64_t runs, View<std::int32_t const, 1> lengths) {
    return {runs, runs == 0 ? 0 : tokens / runs, lengths.data};
}

// A thread a column of a run: neighbours read neighbours.
template <class T>
__global__ void sum_runs_kernel(T const* x, Runs runs, std::int64_t width, float* sums) {
    auto const i = thread_place();
    if (i >= runs.count * width) {
        return;
    }
    auto const s = i / width;
    auto const* column = x + s * runs.tokens * width + i % width;
    float sum = 0.0F;
    for (std::int64_t n = 0; n < runs.counted(s); ++n) {
        sum += widen(column[n * width]);
    }
    sums[i] = sum;
}

__global__ void spread_kernel(float const* sums, Runs runs, std::int64_t width, float* x) {
    auto const i = thread_place();
    auto const n = i / width;
    if (i >= runs.count * runs.tokens * width) {
        return;
    }
    auto const s = n / runs.tokens;
    if (n % runs.tokens < runs.counted(s)) {
        x[i] += sums[s * width + i % width];
    }
}

__global__ void label_kernel(std::int32_t const* is_old, Runs runs, std::int32_t* label) {
    auto const s = thread_place();
    if (s >= runs.count) {
        return;
    }
    std::int32_t found = -1;
    for (std::int64_t n = 0; n < runs.tokens && found < 0; ++n) {
        auto const old = is_old[s * runs.tokens + n];
        found = old < 0 ? -1 : old == 1 ? 0 : 1;
    }
    label[s] = found;
}

__device__ std::int32_t decision(float const* logit) {
    return logit[1] > logit[0] ? 1 : 0;
}

__device__ double two_class_loss(float const* logit, std::int32_t label) {
    double const other = static_cast<double>(logit[1 - label]) - static_cast<double>(logit[label]);
    return fmax(other, 0.0) + log1p(exp(-fabs(other)));
}

// A Verdict as numbers that blocks can sum: routed, decisions, correct, old_class, loss.
constexpr int kVerdictNumbers = 5;

// One block over all runs: probs, and the sums in a fixed order.
__global__ void decide_kernel(
    float const* logits, std::int32_t const* label, Runs runs, float* probs, double* verdict
) {
    double sums[kVerdictNumbers] = {};
    for (std::int64_t s = threadIdx.x; s < runs.count; s += kWalkers) {
        auto const* const logit = logits + 2 * s;
        float const largest = fmaxf(logit[0], logit[1]);
        float const zero = expf(logit[0] - largest);
        float const one = expf(logit[1] - largest);
        probs[2 * s] = zero / (zero + one);
        probs[2 * s + 1] = one / (zero + one);
        auto const decided = decision(logit);
        sums[0] += decided == 1 ? static_cast<double>(runs.tokens) : 0.0;
        if (label != nullptr && label[s] >= 0) {
            sums[1] += 1.0;
            sums[2] += decided == label[s] ? 1.0 : 0.0;
            sums[3] += decided == 0 ? 1.0 : 0.0;
            sums[4] += two_class_loss(logit, label[s]);
        }
    }
    for (int i = 0; i < kVerdictNumbers; ++i) {
        auto const sum = block_sum(sums[i]);
        if (threadIdx.x == 0) {
            verdict[i] = sum;
        }
    }
}

__global__ void among_kernel(
    float const* logits, Runs runs, std::int32_t class_one, std::int32_t* among
) {
    auto const n = thread_place();
    if (n < runs.count * runs.tokens) {
        among[n] = decision(logits + 2 * (n / runs.tokens)) == 1 ? class_one : 0;
    }
}

__global__ void decision_gradient_kernel(
    float const* probs, std::int32_t const* label, std::int64_t runs, float weight, float* dlogits
) {
    auto const i = thread_place();
    if (i < 2 * runs) {
        auto const its = label[i / 2];
        float const aim = i % 2 == its ? 1.0F : 0.0F;
        dlogits[i] = its < 0 ? 0.0F : weight * (probs[i] - aim);
    }
}

}  // namespace

template <class T>
void sum_runs(
    View<T const, 2> x, View<std::int32_t const, 1> lengths, View<float, 2> sums, Stream stream
) {
    auto const runs = runs_of(x.shape[0], sums.shape[0], lengths);
    if (sums.size() > 0) {
        sum_runs_kernel<T><<<blocks_for(sums.size()), kThreads, 0, queue_of(stream).get()>>>(
            x.data, runs, sums.shape[1], sums.data
        );
        check_launch();
    }
}

void spread_over_runs(
    View<float const, 2> sums, View<std::int32_t const, 1> lengths, View<float, 2> x, Stream stream
) {
    auto const runs = runs_of(x.shape[0], sums.shape[0], lengths);
    if (x.size() > 0) {
        spread_kernel<<<blocks_for(x.size()), kThreads, 0, queue_of(stream).get()>>>(
            sums.data, runs, x.shape[1], x.data
        );
        check_launch();
    }
}

void label_runs(View<std::int32_t const, 1> is_old, View<std::int32_t, 1> label, Stream stream) {
    auto const runs = runs_of(is_old.shape[0], label.shape[0], {});
    if (runs.count > 0) {
        label_kernel<<<blocks_for(runs.count), kThreads, 0, queue_of(stream).get()>>>(
            is_old.data, runs, label.data
        );
        check_launch();
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
    auto const runs = runs_of(among.shape[0], logits.shape[0], {});
    auto& queue = queue_of(stream);
    if (among.size() > 0) {
        among_kernel<<<blocks_for(among.size()), kThreads, 0, queue.get()>>>(
            logits.data, runs, class_one, among.data
        );
        check_launch();
    }
    auto* const summed = queue.scratch_of<double>(kVerdictNumbers);
    decide_kernel<<<1, kWalkers, 0, queue.get()>>>(
        logits.data, label.data, runs, probs.data, summed
    );
    check_launch();
    double sums[kVerdictNumbers] = {};
    copy_to_host(sums, summed, sizeof(sums), stream);
    return {
        static_cast<std::int64_t>(sums[0]), static_cast<std::int64_t>(sums[1]),
        static_cast<std::int64_t>(sums[2]), static_cast<std::int64_t>(sums[3]), sums[4]};
}

void decision_gradient(
    View<float const, 2> probs,
    View<std::int32_t const, 1> label,
    float weight,
    View<float, 2> dlogits,
    Stream stream
) {
    if (dlogits.size() > 0) {
        decision_gradient_kernel<<<
            blocks_for(dlogits.size()), kThreads, 0, queue_of(stream).get()>>>(
            probs.data, label.data, dlogits.shape[0], weight, dlogits.data
        );
        check_launch();
    }
}

template decltype(sum_runs<float>) sum_runs<float>;
template decltype(sum_runs<bf16>) sum_runs<bf16>;

}  // namespace isogloss::cuda
