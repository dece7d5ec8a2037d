// cli/kernel_rounds.cpp
#include "cli/kernel_rounds.h"

#include <fmt/format.h>

#include <algorithm>
#include <functional>
#include <memory>

#include "base/math.h"
#include "cli/measured_limits.h"
#include "device/arena.h"
#include "device/copy.h"
#include "device/moment.h"
#include "kernels/adamw.h"
#include "kernels/attention.h"
#include "kernels/cross_entropy.h"
#include "kernels/elementwise.h"
#include "kernels/embedding.h"
#include "kernels/grouped_matmul.h"
#include "kernels/rms_norm.h"
#include "kernels/rotary.h"
#include "kernels/swiglu.h"
#include "kernels/top_k_softmax.h"
#include "model/head.h"

namespace isogloss {
namespace {

// Times operations on memory of their own; the list is in order of the step.
template <class T>
class KernelTimer {
public:
    KernelTimer(BenchModel const& model, Device device, std::int32_t repeats)
        : model_(model),
          device_(device),
          repeats_(repeats),
          arena_(device),
          tokens_(model.rows * model.row_length) {
        auto const batch = synthetic_batch(model, 0, 1);
        ids_ = on_device(batch.tokens);
        targets_ = on_device(batch.targets);
        position_ = on_device(batch.position);
        document_start_ = on_device(batch.document_start);
    }

    std::vector<KernelTime> run() {
        products();
        attend();
        norms();
        feed_forward();
        experts();
        loss();
        embedding();
        routing();
        update();
        return times_;
    }

private:
    static constexpr double kWidth = sizeof(T);

    View<std::int32_t const, 1> on_device(Buffer<std::int32_t> const& from) {
        return copy_to<std::int32_t>(arena_, from.view().span(), Stream{});
    }
    template <class X, std::size_t rank>
    View<X, rank> random(std::array<std::int64_t, rank> const& shape) {
        auto const view = arena_.take<X, rank>(shape);
        fill_from_host(view, Stream{}, [](View<X, rank> host) {
            for (std::int64_t i = 0; i < host.size(); ++i) {
                auto const step = static_cast<std::uint32_t>(i) * 2654435761U;
                host.data[i] = from_float<X>(static_cast<float>(step >> 8U) / (1 << 23) - 1.0F);
            }
        });
        return view;
    }
    void time(std::string name, double flops, double bytes, std::function<void()> const& work) {
        work();
        double best = 1e9;
        for (std::int32_t i = 0; i < repeats_; ++i) {
            Moment const begin(device_, Stream{});
            work();
            Moment const end(device_, Stream{});
            best = std::min(best, end.seconds_since(begin));
        }
        times_.push_back({std::move(name), best, flops, bytes});
    }

    void products() {
        for (auto const& product : step_products(model_, device_, tokens_)) {
            auto const* form = product.form == ProductForm::forward    ? "forward"
                               : product.form == ProductForm::to_input ? "to input"
                                                                       : "to weight";
            times_.push_back(
                {fmt::format(
                     "{} {} {}x{}x{}", product.name, form, product.tokens, product.in, product.out
                 ),
                 product_seconds(product, model_.dtype, device_, repeats_), product.flops(), 0.0}
            );
        }
    }
    void attend() {
        ArenaScope const scope(arena_);
        auto const width = model_.width;
        AttentionShape const shape{
            model_.rows, model_.row_length, model_.heads, model_.heads, width / model_.heads};
        auto const qkv = random<T, 2>({tokens_, 3 * width});
        auto const dqkv = random<T, 2>({tokens_, 3 * width});
        auto const out = random<T, 2>({tokens_, width});
        auto const log_sum = random<float, 2>({tokens_, model_.heads});
        auto const start = document_start_;
        // Two products over half of the square of positions; backward makes five.
        double const flops = 2.0 * static_cast<double>(tokens_ * model_.row_length * width);
        time("attention", flops, 0.0, [&] {
            attention<T>(qkv, start, shape, out, log_sum, Stream{});
        });
        time("attention backward", 2.5 * flops, 0.0, [&] {
            attention_backward<T>(qkv, start, shape, out, log_sum, out, dqkv, Stream{});
        });
        auto const cosine = random<float, 2>({model_.row_length, shape.head_width / 2});
        time("rotary", 0.0, 4.0 * kWidth * static_cast<double>(tokens_ * width), [&] {
            rotary<T>(
                qkv.template reshaped<3>({tokens_, 3 * model_.heads, shape.head_width}),
                2 * model_.heads, position_, cosine, cosine, Rotation::forward, Stream{}
            );
        });
    }
    void norms() {
        ArenaScope const scope(arena_);
        auto const width = model_.width;
        auto const x = random<T, 2>({tokens_, width});
        auto const y = random<T, 2>({tokens_, width});
        auto const delta = random<T, 2>({tokens_, width});
        auto const gain = random<T, 1>({width});
        auto const inverse = random<float, 1>({tokens_});
        auto const dgain = random<float, 1>({width});
        double const bytes = kWidth * static_cast<double>(tokens_ * width);
        time("add_rms_norm", 0.0, 4.0 * bytes, [&] {
            // The sum grows from call to call and stays far from overflow.
            add_rms_norm<T>(x, delta, gain, 1e-5F, y, inverse, Stream{});
        });
        time("rms_norm backward", 0.0, 4.0 * bytes, [&] {
            rms_norm_backward<T>(y, x, gain, inverse, delta, dgain, Stream{});
        });
    }
    void feed_forward() {
        ArenaScope const scope(arena_);
        auto const rows = tokens_ * model_.choices();
        auto const ffn = model_.ffn;
        auto const gate_up = random<T, 2>({rows, 2 * ffn});
        auto const dgate_up = random<T, 2>({rows, 2 * ffn});
        auto const hidden = random<T, 2>({rows, ffn});
        double const bytes = kWidth * static_cast<double>(rows * ffn);
        time("swiglu", 0.0, 3.0 * bytes, [&] { swiglu<T>(gate_up, hidden, Stream{}); });
        time("swiglu backward", 0.0, 5.0 * bytes, [&] {
            swiglu_backward<T>(gate_up, hidden, dgate_up, Stream{});
        });
    }
    // The first product of the experts' feed-forward, for few and many rows an expert, as even as
    // can be and with half of all rows at one expert.
    void experts() {
        auto const num_experts = model_.experts;
        if (num_experts < 2) {
            return;
        }
        // Many rows take a processor minutes.
        std::int64_t const most = device_ == Device::cpu ? 1024 : 16384;
        for (std::int64_t rows = 16; rows <= most; rows *= 4) {
            time_experts(fmt::format("{} rows an expert", rows), rows * num_experts, 1);
            time_experts(fmt::format("{} rows, half at one", rows), rows * num_experts, 2);
        }
    }
    void time_experts(std::string const& name, std::int64_t rows, std::int64_t share_of_first) {
        ArenaScope const scope(arena_);
        auto const num_experts = model_.experts;
        auto const width = model_.width;
        auto const ffn = model_.ffn;
        std::int64_t const first = share_of_first == 1 ? rows / num_experts : rows / share_of_first;
        std::vector<std::int64_t> begin{0};
        std::vector<View<T const, 2>> weight;
        std::vector<GradientSum> dweight;
        auto const is_empty = std::make_unique<bool[]>(static_cast<std::size_t>(num_experts));
        for (std::int64_t e = 0; e < num_experts; ++e) {
            begin.push_back(first + even_part(rows - first, num_experts - 1, e).begin);
            weight.push_back(random<T, 2>({2 * ffn, width}));
            dweight.emplace_back(random<float, 2>({2 * ffn, width}), &is_empty[index(e)]);
        }
        begin.back() = rows;
        auto const x = random<T, 2>({rows, width});
        auto const y = random<T, 2>({rows, 2 * ffn});
        double const flops = 4.0 * static_cast<double>(rows * width * ffn);
        time(name + ", forward", flops, 0.0, [&] {
            grouped_matmul_nt<T>(x, begin, weight, y, Stream{});
        });
        time(name + ", to input", flops, 0.0, [&] {
            grouped_matmul_nn<T>(y, begin, weight, x, Stream{});
        });
        time(name + ", to weight", flops, 0.0, [&] {
            std::fill_n(is_empty.get(), num_experts, true);  // as the first ones of a step
            grouped_matmul_tn<T>(y, x, begin, dweight, Stream{});
        });
    }
    void loss() {
        ArenaScope const scope(arena_);
        auto const rows = std::min(tokens_, head_chunk(device_));
        auto const logits = random<T, 2>({rows, model_.vocab});
        auto const losses = random<float, 1>({rows});
        auto const targets = targets_.rows(0, rows);
        double const bytes = kWidth * static_cast<double>(rows * model_.vocab);
        time("cross_entropy", 0.0, bytes, [&] {
            cross_entropy<T>(logits, targets, losses, Stream{});
        });
        time("cross_entropy with gradient", 0.0, 2.0 * bytes, [&] {
            cross_entropy_with_gradient<T>(logits, targets, 1e-3F, losses, Stream{});
        });
    }
    void embedding() {
        ArenaScope const scope(arena_);
        auto const width = model_.width;
        auto const table = random<T, 2>({model_.vocab, width});
        auto const gradient = random<float, 2>({model_.vocab, width});
        auto const y = random<T, 2>({tokens_, width});
        auto const elements = static_cast<double>(tokens_ * width);
        time("embed", 0.0, 2.0 * kWidth * elements, [&] { embed<T>(ids_, table, y, Stream{}); });
        time("embed backward", 0.0, (kWidth + 8.0) * elements, [&] {
            embed_backward<T>(ids_, y, gradient, Stream{});
        });
    }
    void routing() {
        if (model_.experts < 2) {
            return;
        }
        ArenaScope const scope(arena_);
        auto const experts = model_.experts;
        auto const logits = random<float, 2>({tokens_, experts});
        auto const probs = random<float, 2>({tokens_, experts});
        auto const gate = random<float, 2>({tokens_, model_.choices()});
        auto const expert = arena_.take<std::int32_t, 2>({tokens_, model_.choices()});
        time("top_k_softmax", 0.0, 8.0 * static_cast<double>(logits.size()), [&] {
            top_k_softmax(logits, {}, probs, gate, expert, Stream{});
        });
    }
    void update() {
        ArenaScope const scope(arena_);
        auto const size = model_.vocab * model_.width;
        auto const gradient = random<float, 1>({size});
        auto const master = random<float, 1>({size});
        auto const first = random<float, 1>({size});
        auto const second = arena_.take<float, 1>({size});
        fill<float>(second, 1.0F, Stream{});
        auto const values = random<T, 1>({size});
        double const bytes = (28.0 + (sizeof(T) == 2 ? 2.0 : 0.0)) * static_cast<double>(size);
        time("adamw", 0.0, bytes, [&] {
            adamw<T>(gradient, {.learning_rate = 1e-6F}, master, first, second, values, Stream{});
        });
        time("sum_of_squares", 0.0, 4.0 * static_cast<double>(size), [&] {
            sum_of_squares(gradient, Stream{});
        });
        time("fill", 0.0, 4.0 * static_cast<double>(size), [&] {
            fill<float>(gradient, 0.0F, Stream{});
        });
    }

    BenchModel const& model_;
    Device device_;
    std::int32_t repeats_;
    Arena arena_;
    std::int64_t tokens_;
    View<std::int32_t const, 1> ids_;
    View<std::int32_t const, 1> targets_;
    View<std::int32_t const, 1> position_;
    View<std::int32_t const, 1> document_start_;
    std::vector<KernelTime> times_;
};

}  // namespace

std::vector<KernelTime> time_kernels(BenchModel const& model, Device device, std::int32_t repeats) {
    return model.dtype == DType::bf16 ? KernelTimer<bf16>(model, device, repeats).run()
                                      : KernelTimer<float>(model, device, repeats).run();
}

}  // namespace isogloss
