// cli/bench_kernels.cpp
#include <fmt/format.h>

#include <algorithm>
#include <cstdio>
#include <functional>

#include "base/clock.h"
#include "base/json.h"
#include "base/table.h"
#include "cli/bench_model.h"
#include "cli/commands.h"
#include "device/arena.h"
#include "kernels/adamw.h"
#include "kernels/attention.h"
#include "kernels/cross_entropy.h"
#include "kernels/elementwise.h"
#include "kernels/embedding.h"
#include "kernels/rms_norm.h"
#include "kernels/rotary.h"
#include "kernels/swiglu.h"
#include "kernels/top_k_softmax.h"
#include "model/head.h"

namespace isogloss {
namespace {

struct KernelsBench {
    BenchModel model;
    std::int32_t repeats = 5;
    bool json = false;
};

// One operation at a shape of the step. Work is operations of a product-like one, else bytes read
// and written, each counted once.
struct KernelTime {
    std::string name;
    double seconds = 0.0;
    double flops = 0.0;
    double bytes = 0.0;
};

// Times operations on memory of their own; the list is in order of the step.
template <class T>
class KernelTimer {
public:
    explicit KernelTimer(KernelsBench const& bench)
        : bench_(bench),
          arena_(Device::cpu),
          tokens_(bench.model.rows * bench.model.row_length),
          batch_(synthetic_batch(bench.model, 0, 1)) {}

    std::vector<KernelTime> run() {
        products();
        attend();
        norms();
        feed_forward();
        loss();
        embedding();
        routing();
        update();
        return times_;
    }

private:
    static constexpr double kWidth = sizeof(T);

    template <class X, std::size_t rank>
    View<X, rank> random(std::array<std::int64_t, rank> const& shape) {
        auto const view = arena_.take<X, rank>(shape);
        for (std::int64_t i = 0; i < view.size(); ++i) {
            auto const step = static_cast<std::uint32_t>(i) * 2654435761U;
            view.data[i] = from_float<X>(static_cast<float>(step >> 8U) / (1 << 23) - 1.0F);
        }
        return view;
    }
    void time(std::string name, double flops, double bytes, std::function<void()> const& work) {
        work();
        double best = 1e9;
        for (std::int32_t i = 0; i < bench_.repeats; ++i) {
            Timer const timer;
            work();
            best = std::min(best, timer.seconds());
        }
        times_.push_back({std::move(name), best, flops, bytes});
    }

    void products() {
        for (auto const& product : step_products(bench_.model, tokens_)) {
            auto const* form = product.form == ProductForm::forward    ? "forward"
                               : product.form == ProductForm::to_input ? "to input"
                                                                       : "to weight";
            times_.push_back(
                {fmt::format(
                     "{} {} {}x{}x{}", product.name, form, product.tokens, product.in, product.out
                 ),
                 product_seconds(product, bench_.model.dtype, Device::cpu, bench_.repeats),
                 product.flops(), 0.0}
            );
        }
    }
    void attend() {
        ArenaScope const scope(arena_);
        auto const& model = bench_.model;
        auto const width = model.width;
        AttentionShape const shape{
            model.rows, model.row_length, model.heads, model.heads, width / model.heads};
        auto const qkv = random<T, 2>({tokens_, 3 * width});
        auto const dqkv = random<T, 2>({tokens_, 3 * width});
        auto const out = random<T, 2>({tokens_, width});
        auto const log_sum = random<float, 2>({tokens_, model.heads});
        View<std::int32_t const, 1> const start = batch_.document_start.view();
        // Two products over half of the square of positions; backward makes five.
        double const flops = 2.0 * static_cast<double>(tokens_ * model.row_length * width);
        time("attention", flops, 0.0, [&] {
            attention<T>(qkv, start, shape, out, log_sum, Stream{});
        });
        time("attention backward", 2.5 * flops, 0.0, [&] {
            attention_backward<T>(qkv, start, shape, out, log_sum, out, dqkv, Stream{});
        });
        auto const cosine = random<float, 2>({model.row_length, shape.head_width / 2});
        time("rotary", 0.0, 4.0 * kWidth * static_cast<double>(tokens_ * width), [&] {
            rotary<T>(
                qkv.template reshaped<3>({tokens_, 3 * model.heads, shape.head_width}),
                2 * model.heads, batch_.position.view(), cosine, cosine, Rotation::forward, Stream{}
            );
        });
    }
    void norms() {
        ArenaScope const scope(arena_);
        auto const width = bench_.model.width;
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
        auto const rows = tokens_ * bench_.model.choices();
        auto const ffn = bench_.model.ffn;
        auto const gate_up = random<T, 2>({rows, 2 * ffn});
        auto const dgate_up = random<T, 2>({rows, 2 * ffn});
        auto const hidden = random<T, 2>({rows, ffn});
        double const bytes = kWidth * static_cast<double>(rows * ffn);
        time("swiglu", 0.0, 3.0 * bytes, [&] { swiglu<T>(gate_up, hidden, Stream{}); });
        time("swiglu backward", 0.0, 5.0 * bytes, [&] {
            swiglu_backward<T>(gate_up, hidden, dgate_up, Stream{});
        });
    }
    void loss() {
        ArenaScope const scope(arena_);
        auto const rows = std::min(tokens_, kHeadChunk);
        auto const logits = random<T, 2>({rows, bench_.model.vocab});
        auto const losses = random<float, 1>({rows});
        View<std::int32_t const, 1> const targets = batch_.targets.view().rows(0, rows);
        double const bytes = kWidth * static_cast<double>(rows * bench_.model.vocab);
        time("cross_entropy", 0.0, bytes, [&] {
            cross_entropy<T>(logits, targets, losses, Stream{});
        });
        time("cross_entropy with gradient", 0.0, 2.0 * bytes, [&] {
            cross_entropy_with_gradient<T>(logits, targets, 1e-3F, losses, Stream{});
        });
    }
    void embedding() {
        ArenaScope const scope(arena_);
        auto const width = bench_.model.width;
        auto const table = random<T, 2>({bench_.model.vocab, width});
        auto const gradient = random<float, 2>({bench_.model.vocab, width});
        auto const y = random<T, 2>({tokens_, width});
        auto const elements = static_cast<double>(tokens_ * width);
        time("embed", 0.0, 2.0 * kWidth * elements, [&] {
            embed<T>(batch_.tokens.view(), table, y, Stream{});
        });
        time("embed backward", 0.0, (kWidth + 8.0) * elements, [&] {
            embed_backward<T>(batch_.tokens.view(), y, gradient, Stream{});
        });
    }
    void routing() {
        if (bench_.model.experts < 2) {
            return;
        }
        ArenaScope const scope(arena_);
        auto const experts = bench_.model.experts;
        auto const logits = random<float, 2>({tokens_, experts});
        auto const probs = random<float, 2>({tokens_, experts});
        auto const gate = random<float, 2>({tokens_, bench_.model.choices()});
        auto const expert = arena_.take<std::int32_t, 2>({tokens_, bench_.model.choices()});
        time("top_k_softmax", 0.0, 8.0 * static_cast<double>(logits.size()), [&] {
            top_k_softmax(logits, {}, probs, gate, expert, Stream{});
        });
    }
    void update() {
        ArenaScope const scope(arena_);
        auto const size = bench_.model.vocab * bench_.model.width;
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

    KernelsBench const& bench_;
    Arena arena_;
    std::int64_t tokens_;
    Batch batch_;
    std::vector<KernelTime> times_;
};

Json to_json(std::vector<KernelTime> const& times) {
    Json json = Json::array();
    for (auto const& time : times) {
        Json entry{{"name", time.name}, {"seconds", time.seconds}};
        if (time.flops > 0.0) {
            entry["gflops"] = time.flops / time.seconds / 1e9;
        }
        if (time.bytes > 0.0) {
            entry["gb_per_second"] = time.bytes / time.seconds / 1e9;
        }
        json.push_back(entry);
    }
    return json;
}

std::string table_text(std::vector<KernelTime> const& times) {
    Table table({"operation", "ms", "GFLOP/s", "GB/s"});
    for (auto const& time : times) {
        table.add_row(
            {time.name, decimal_text(1e3 * time.seconds, 3),
             time.flops > 0.0 ? decimal_text(time.flops / time.seconds / 1e9, 1) : "",
             time.bytes > 0.0 ? decimal_text(time.bytes / time.seconds / 1e9, 1) : ""}
        );
    }
    return table.text();
}

}  // namespace

Exit run_bench_kernels(Arguments const& arguments) {
    KernelsBench bench;
    Options options(
        "bench kernels",
        "Times each operation of a training step alone, at the step's shapes: the best of a few "
        "calls. GB/s count what must be read and written once."
    );
    describe(options, bench.model);
    options.add("repeats", bench.repeats, "calls that are timed, after one that is not");
    options.add("json", bench.json, "print one JSON document instead of a table");
    if (options.parse(arguments) == Parsed::help) {
        return print_help(options);
    }
    auto const times = bench.model.dtype == DType::bf16 ? KernelTimer<bf16>(bench).run()
                                                        : KernelTimer<float>(bench).run();
    fmt::print("{}", bench.json ? to_json(times).dump(2) + "\n" : table_text(times));
    return Exit::done;
}

}  // namespace isogloss
