// tests/kernels/cuda_agreement_test.cpp
//
// Larger shapes than the operations' own tests have: many blocks, whole vectors, several passes of
// a block over a row. What both devices computed lies within the bound of either from the truth, so
// within twice that from each other. Counted in roundings of float, of a sum's terms and a few more
// operations, plus one rounding of each device's result to T.
#include "device/cuda_device.h"
#include "device/side_queue.h"
#include "kernels/adamw.h"
#include "kernels/attention.h"
#include "kernels/attention_cuda.h"
#include "kernels/cross_entropy.h"
#include "kernels/elementwise.h"
#include "kernels/embedding.h"
#include "kernels/matmul.h"
#include "kernels/permute_rows.h"
#include "kernels/rms_norm.h"
#include "kernels/swiglu.h"
#include "support/tensor.h"

namespace isogloss {
namespace {

using test::Tensor;

template <class T>
class CudaAgreementTest : public ::testing::Test {};
TYPED_TEST_SUITE(CudaAgreementTest, test::FloatTypes);

constexpr std::int64_t kAgreementRows =
    1500;  // more than there are partial sums, and no multiple of them
constexpr std::int64_t kAgreementWidth =
    2112;  // whole vectors, and more than a block's threads take at once

/// The views of one of the two devices.
struct On {
    Device device;
    template <class T, std::size_t rank>
    View<T const, rank> in(Tensor<T, rank> const& x) const {
        return device == Device::cpu ? x.host() : x.view();
    }
    template <class T, std::size_t rank>
    View<T, rank> out(Tensor<T, rank>& x) const {
        return device == Device::cpu ? x.host() : x.view();
    }
};
constexpr On kCpu{Device::cpu};
constexpr On kGpu{Device::cuda};

/// Each pair of elements within `sums`, of float sums, and a rounding to T on each side.
template <class T, std::size_t rank>
void expect_agreement(Tensor<T, rank> const& cpu, Tensor<T, rank> const& gpu, double sums) {
    for (std::int64_t i = 0; i < cpu.size(); ++i) {
        double const rounding = 2.02 * test::rounding_of<T>() * std::abs(cpu[i]);
        ASSERT_NEAR(gpu[i], cpu[i], 2.0 * sums + rounding) << "element " << i;
    }
}

/// Error of a float sum of `terms` numbers that are not larger than `size` and of either sign.
double sum_error(std::int64_t terms, double size) {
    return static_cast<double>(terms + 8) * test::kFloatRounding * size *
           static_cast<double>(terms);
}

TYPED_TEST(CudaAgreementTest, Norms) {
    using T = TypeParam;
    auto const delta = Tensor<T, 2>::normal({kAgreementRows, kAgreementWidth}, "delta");
    auto const gain = Tensor<T, 1>::normal({kAgreementWidth}, "gain");
    auto const dy = Tensor<T, 2>::normal({kAgreementRows, kAgreementWidth}, "dy");
    struct Result {
        Tensor<T, 2> x = Tensor<T, 2>::normal({kAgreementRows, kAgreementWidth}, "x");
        Tensor<T, 2> y{{kAgreementRows, kAgreementWidth}};
        Tensor<T, 2> dx = Tensor<T, 2>::normal({kAgreementRows, kAgreementWidth}, "dx");
        Tensor<float, 1> inverse{{kAgreementRows}};
        Tensor<float, 1> dgain{{kAgreementWidth}, 0.5};
    };
    auto const run = [&](On on) {
        Result r;
        add_rms_norm<T>(
            on.out(r.x), on.in(delta), on.in(gain), 1e-5F, on.out(r.y), on.out(r.inverse), {}
        );
        rms_norm_backward<T>(
            on.in(dy), on.in(r.x), on.in(gain), on.in(r.inverse), on.out(r.dx), on.out(r.dgain), {}
        );
        return r;
    };
    Result const cpu = run(kCpu);
    Result const gpu = run(kGpu);
    EXPECT_TRUE(gpu.x.same_bits(cpu.x));  // one sum, one rounding
    // A mean of D squares: D / 2 roundings of a number near 1, times |gain x| < 40.
    double const relative = (kAgreementWidth / 2.0 + 8.0) * test::kFloatRounding;
    expect_agreement(cpu.inverse, gpu.inverse, relative);
    expect_agreement(cpu.y, gpu.y, 40.0 * relative);
    // dx: |gain dy x| < 60 in a mean of D, times |x| < 8; dgain: N terms of |dy x| < 30.
    expect_agreement(cpu.dx, gpu.dx, 480.0 * (kAgreementWidth + 8) * test::kFloatRounding);
    expect_agreement(cpu.dgain, gpu.dgain, sum_error(kAgreementRows, 1.0) + 30.0 * relative);
    EXPECT_TRUE(run(kGpu).dgain.same_bits(gpu.dgain));
}

TYPED_TEST(CudaAgreementTest, Swiglu) {
    using T = TypeParam;
    auto const gate_up = Tensor<T, 2>::normal({67, 2 * kAgreementWidth}, "gate_up", 3.0);
    auto const dy = Tensor<T, 2>::normal({67, kAgreementWidth}, "dy");
    Tensor<T, 2> cpu({67, kAgreementWidth});
    Tensor<T, 2> gpu({67, kAgreementWidth});
    Tensor<T, 2> dcpu({67, 2 * kAgreementWidth});
    Tensor<T, 2> dgpu({67, 2 * kAgreementWidth});
    swiglu<T>(kCpu.in(gate_up), kCpu.out(cpu), {});
    swiglu<T>(kGpu.in(gate_up), kGpu.out(gpu), {});
    swiglu_backward<T>(kCpu.in(gate_up), kCpu.in(dy), kCpu.out(dcpu), {});
    swiglu_backward<T>(kGpu.in(gate_up), kGpu.in(dy), kGpu.out(dgpu), {});
    // Products of numbers below 15, 15 and 5, through an exponential that is good to 2^-20.
    expect_agreement(cpu, gpu, 15.0 * 15.0 * 0x1p-20);
    expect_agreement(dcpu, dgpu, 15.0 * 15.0 * 5.0 * 0x1p-20);
}

TYPED_TEST(CudaAgreementTest, RowsByIndexLists) {
    using T = TypeParam;
    auto const x = Tensor<T, 2>::normal({97, kAgreementWidth}, "x");
    auto const index = Tensor<std::int32_t, 1>::below({600}, "index", 97);
    auto const weight = Tensor<float, 1>::normal({600}, "weight");
    std::vector<std::int32_t> borders;
    for (std::int32_t n = 0; n <= 200; ++n) {
        borders.push_back(3 * n - n % 2);
    }
    auto const begin = Tensor<std::int32_t, 1>::of({201}, borders);
    struct Result {
        Tensor<T, 2> gathered{{600, kAgreementWidth}};
        Tensor<T, 2> scaled{{600, kAgreementWidth}};
        Tensor<T, 2> sums{{200, kAgreementWidth}};
        Tensor<float, 1> dots{{600}};
    };
    auto const run = [&](On on) {
        Result r;
        gather_rows<T>(on.in(x), on.in(index), on.out(r.gathered), {});
        gather_scaled_rows<T>(on.in(x), on.in(index), on.in(weight), on.out(r.scaled), {});
        sum_rows<T>(on.in(x), on.in(begin), on.in(index), on.in(weight), on.out(r.sums), {});
        row_dots<T>(on.in(x), on.in(index), on.in(r.scaled), on.out(r.dots), {});
        return r;
    };
    Result const cpu = run(kCpu);
    Result const gpu = run(kGpu);
    EXPECT_TRUE(gpu.gathered.same_bits(cpu.gathered));
    EXPECT_TRUE(gpu.scaled.same_bits(cpu.scaled));
    expect_agreement(cpu.sums, gpu.sums, sum_error(4, 16.0));
    expect_agreement(cpu.dots, gpu.dots, sum_error(kAgreementWidth, 1.0));
}

TYPED_TEST(CudaAgreementTest, EmbeddingGradientOfFrequentTokens) {
    using T = TypeParam;
    auto const token = Tensor<std::int32_t, 1>::below({3000}, "token", 37);
    auto const dy = Tensor<T, 2>::normal({3000, 264}, "dy");
    Tensor<float, 2> cpu({50, 264}, 0.25);
    Tensor<float, 2> gpu({50, 264}, 0.25);
    embed_backward<T>(kCpu.in(token), kCpu.in(dy), kCpu.out(cpu), {});
    embed_backward<T>(kGpu.in(token), kGpu.in(dy), kGpu.out(gpu), {});
    EXPECT_TRUE(gpu.same_bits(cpu));  // the same sums in the same order
}

TYPED_TEST(CudaAgreementTest, LossOfALargeVocabulary) {
    using T = TypeParam;
    constexpr std::int64_t kVocabulary = 130'000;  // more than a block's shared memory holds
    auto const logits = Tensor<T, 2>::normal({5, kVocabulary}, "logits", 3.0);
    auto const target = Tensor<std::int32_t, 1>::of({5}, {0, 129'999, kIgnoredTarget, 65'000, 7});
    auto cpu = logits;
    auto gpu = logits;
    Tensor<float, 1> cpu_loss({5});
    Tensor<float, 1> gpu_loss({5});
    Tensor<float, 1> only_loss({5});
    cross_entropy_with_gradient<T>(kCpu.out(cpu), kCpu.in(target), 0.5F, kCpu.out(cpu_loss), {});
    cross_entropy_with_gradient<T>(kGpu.out(gpu), kGpu.in(target), 0.5F, kGpu.out(gpu_loss), {});
    cross_entropy<T>(kGpu.in(logits), kGpu.in(target), kGpu.out(only_loss), {});
    // Sums of V positive terms by 16 lanes or more: V / 16 roundings.
    double const relative = kVocabulary / 16.0 * test::kFloatRounding + 0x1p-20;
    expect_agreement(cpu_loss, gpu_loss, relative + 40.0 * test::kFloatRounding);
    EXPECT_TRUE(only_loss.same_bits(gpu_loss));
    for (std::int64_t i = 0; i < cpu.size(); ++i) {
        double const bound =
            (2.0 * relative + 2.02 * test::rounding_of<T>()) * std::abs(cpu[i]) + 0x1p-24;
        ASSERT_NEAR(gpu[i], cpu[i], bound) << i;
    }
}

TYPED_TEST(CudaAgreementTest, ColumnsAndBias) {
    using T = TypeParam;
    auto const x = Tensor<T, 2>::normal({kAgreementRows, kAgreementWidth}, "x");
    auto const bias = Tensor<T, 1>::normal({kAgreementWidth}, "bias");
    auto cpu = x;
    auto gpu = x;
    add_bias<T>(kCpu.out(cpu), kCpu.in(bias), {});
    add_bias<T>(kGpu.out(gpu), kGpu.in(bias), {});
    EXPECT_TRUE(gpu.same_bits(cpu));
    Tensor<float, 1> cpu_sum({kAgreementWidth}, 1.0);
    Tensor<float, 1> gpu_sum({kAgreementWidth}, 1.0);
    sum_columns<T>(kCpu.in(x), kCpu.out(cpu_sum), {});
    sum_columns<T>(kGpu.in(x), kGpu.out(gpu_sum), {});
    expect_agreement(cpu_sum, gpu_sum, sum_error(kAgreementRows, 1.0));
}

TYPED_TEST(CudaAgreementTest, Update) {
    using T = TypeParam;
    constexpr std::int64_t kSize = 100'003;
    auto const gradient = Tensor<float, 1>::normal({kSize}, "gradient");
    struct Result {
        Tensor<float, 1> master = Tensor<float, 1>::normal({kSize}, "master");
        Tensor<float, 1> first = Tensor<float, 1>::normal({kSize}, "first");
        Tensor<float, 1> second{{kSize}, 1.0};
        Tensor<T, 1> value{{kSize}};
    };
    auto const run = [&](On on) {
        Result r;
        adamw<T>(
            on.in(gradient), {.learning_rate = 1e-2F, .weight_decay = 0.1F, .step = 3},
            on.out(r.master), on.out(r.first), on.out(r.second), on.out(r.value), {}
        );
        return r;
    };
    Result const cpu = run(kCpu);
    Result const gpu = run(kGpu);
    // A dozen operations on numbers below 64.
    expect_agreement(cpu.master, gpu.master, 12.0 * 8.0 * test::kFloatRounding);
    expect_agreement(cpu.first, gpu.first, 12.0 * 8.0 * test::kFloatRounding);
    expect_agreement(cpu.second, gpu.second, 12.0 * 64.0 * test::kFloatRounding);
    expect_agreement(cpu.value, gpu.value, 12.0 * 8.0 * test::kFloatRounding);
}

TYPED_TEST(CudaAgreementTest, Products) {
    using T = TypeParam;
    auto const a = Tensor<T, 2>::normal({520, 768}, "a");
    auto const b = Tensor<T, 2>::normal({392, 768}, "b");
    Tensor<T, 2> cpu({520, 392});
    Tensor<T, 2> gpu({520, 392});
    matmul_nt<T, T>(kCpu.in(a), kCpu.in(b), kCpu.out(cpu), Write::replace, {});
    matmul_nt<T, T>(kGpu.in(a), kGpu.in(b), kGpu.out(gpu), Write::replace, {});
    // K roundings relative to the sum of magnitudes, which is below 1.5 K / 1.57: the mean of
    // |a b| of normal numbers is 2 / pi, and the sum's deviation 0.77 sqrt(K).
    double const magnitude = 768.0;
    expect_agreement(cpu, gpu, 769.0 * test::kFloatRounding * magnitude);
    Tensor<float, 2> cpu_slope({768, 768}, 1.0);
    Tensor<float, 2> gpu_slope({768, 768}, 1.0);
    auto const dy = Tensor<T, 2>::normal({520, 768}, "dy");
    matmul_tn<T, float>(kCpu.in(dy), kCpu.in(a), kCpu.out(cpu_slope), Write::add, {});
    matmul_tn<T, float>(kGpu.in(dy), kGpu.in(a), kGpu.out(gpu_slope), Write::add, {});
    expect_agreement(cpu_slope, gpu_slope, 521.0 * test::kFloatRounding * 521.0);
}

/// What `run` computes when the thread's queue leaves so many multiprocessors to another.
template <class Run>
auto beside_others(std::int32_t others, Run const& run) {
    SideQueue const side(Device::cuda, Urgency::usual);
    auto const all = cuda::device_properties().multiprocessors;
    side.divide(Stream{}, others, all);
    auto result = run();
    side.divide(Stream{}, 0, all);
    return result;
}

// Shapes of many results, of few with long sums, and of one block. The share does not change what
// is computed, only how long it takes.
TYPED_TEST(CudaAgreementTest, AShareOfTheGpuComputesTheSameBits) {
    using T = TypeParam;
    struct Size {
        std::int64_t rows, in, out;
    };
    for (auto const [rows, in, out] : {Size{2000, 768, 2112}, {72, 4096, 64}, {33, 40, 24}}) {
        auto const x = Tensor<T, 2>::normal({rows, in}, "x");
        auto const weight = Tensor<T, 2>::normal({out, in}, "weight");
        auto const dy = Tensor<T, 2>::normal({rows, out}, "dy");
        auto const run = [&, rows = rows, in = in, out = out] {
            using Wide = Tensor<float, 2>;
            struct Result {
                Tensor<T, 2> y, dx;
                Wide slope, master, moment, square;
            };
            Result r{Tensor<T, 2>({rows, out}), Tensor<T, 2>({rows, in}), Wide({out, in}),
                     Wide({out, in}, 1.0),      Wide({out, in}, 0.0),     Wide({out, in}, 0.0)};
            matmul_nt<T, T>(x.view(), weight.view(), r.y.view(), Write::replace, {});
            matmul_nn<T, T>(dy.view(), weight.view(), r.dx.view(), Write::replace, {});
            matmul_tn<T, float>(dy.view(), x.view(), r.slope.view(), Write::replace, {});
            Tensor<T, 2> value({out, in});
            adamw<T>(
                r.slope.view().flat(), {.learning_rate = 1e-2F}, r.master.view().flat(),
                r.moment.view().flat(), r.square.view().flat(), value.view().flat(), {}
            );
            return r;
        };
        auto const whole = run();
        for (std::int32_t const others : {4, 16, 24}) {
            auto const part = beside_others(others, run);
            EXPECT_TRUE(part.y.same_bits(whole.y)) << rows << " rows, " << others;
            EXPECT_TRUE(part.dx.same_bits(whole.dx)) << rows << " rows, " << others;
            EXPECT_TRUE(part.slope.same_bits(whole.slope)) << rows << " rows, " << others;
            EXPECT_TRUE(part.master.same_bits(whole.master)) << rows << " rows, " << others;
        }
    }
}

/// Rows of documents whose borders lie anywhere, the last row one document.
Tensor<std::int32_t, 1> documents(AttentionShape const& s) {
    std::vector<std::int32_t> starts;
    for (std::int64_t row = 0; row < s.rows; ++row) {
        std::int64_t start = 0;
        for (std::int64_t t = 0; t < s.row_length; ++t) {
            bool const border = row + 1 < s.rows && (t == 1 || t == 64 || t % 171 == 130);
            start = border ? t : start;
            starts.push_back(static_cast<std::int32_t>(start));
        }
    }
    return Tensor<std::int32_t, 1>::of({s.rows * s.row_length}, starts);
}

/// |a - b| / |a| of all elements.
template <class T>
double relative_distance(Tensor<T, 2> const& a, Tensor<T, 2> const& b) {
    double error = 0.0;
    double size = 0.0;
    for (std::int64_t i = 0; i < a.size(); ++i) {
        error += std::pow(a[i] - b[i], 2);
        size += std::pow(a[i], 2);
    }
    return std::sqrt(error / size);
}

TYPED_TEST(CudaAgreementTest, AttentionOfModelShapes) {
    using T = TypeParam;
    AttentionShape const shapes[] = {{2, 520, 4, 2, 128}, {3, 384, 2, 2, 64},  {1, 300, 3, 1, 80},
                                     {2, 131, 2, 1, 256}, {2, 257, 4, 1, 128}, {1, 1, 2, 1, 64}};
    for (auto const& s : shapes) {
        std::int64_t const tokens = s.rows * s.row_length;
        auto const start = documents(s);
        auto const qkv =
            Tensor<T, 2>::normal({tokens, (s.heads + 2 * s.kv_heads) * s.head_width}, "qkv");
        auto const dout = Tensor<T, 2>::normal({tokens, s.heads * s.head_width}, "dout");
        Tensor<T, 2> out({tokens, s.heads * s.head_width});
        Tensor<float, 2> log_sum({tokens, s.heads});
        attention<T>(kCpu.in(qkv), kCpu.in(start), s, kCpu.out(out), kCpu.out(log_sum), {});
        Tensor<T, 2> gpu_out(out.in().shape);
        Tensor<float, 2> gpu_log_sum({tokens, s.heads});
        attention<T>(kGpu.in(qkv), kGpu.in(start), s, kGpu.out(gpu_out), kGpu.out(gpu_log_sum), {});
        // As in attention_test.cpp: values below 5, two roundings to T, scores below 40.
        double const floats =
            40.0 * static_cast<double>(s.head_width + s.row_length + 4) * test::kFloatRounding;
        expect_agreement(log_sum, gpu_log_sum, floats);
        expect_agreement(out, gpu_out, 5.0 * (2.0 * test::rounding_of<T>() + floats));

        Tensor<T, 2> cpu({tokens, (s.heads + 2 * s.kv_heads) * s.head_width});
        Tensor<T, 2> gpu(cpu.in().shape);
        for (On const on : {kCpu, kGpu}) {
            attention_backward<T>(
                on.in(qkv), on.in(start), s, on.in(out), on.in(log_sum), on.in(dout),
                on.out(on.device == Device::cpu ? cpu : gpu), {}
            );
        }
        // Each device rounds probabilities, their gradients and results to T, which are
        // independent: of the lengths, at most about three roundings on each side.
        EXPECT_LE(relative_distance(cpu, gpu), 6.0 * test::rounding_of<T>() + floats)
            << s.row_length << " tokens, width " << s.head_width;
    }
}

/// What one of the GPU's ways to compute attention gives.
struct AttentionWay {
    void (*forward)(cuda::AttentionForward<bf16> const&, Stream);
    void (*backward)(cuda::AttentionBackward<bf16> const&, Stream);

    struct Result {
        Tensor<bf16, 2> out;
        Tensor<float, 2> log_sum;
        Tensor<bf16, 2> dqkv;
    };

    [[nodiscard]] Result run(
        AttentionShape const& s, Tensor<bf16, 2> const& qkv, Tensor<bf16, 2> const& dout
    ) const {
        std::int64_t const tokens = s.rows * s.row_length;
        auto const start = documents(s);
        Result made{
            Tensor<bf16, 2>({tokens, s.heads * s.head_width}), Tensor<float, 2>({tokens, s.heads}),
            Tensor<bf16, 2>({tokens, (s.heads + 2 * s.kv_heads) * s.head_width})};
        forward(
            {s, qkv.view().data, start.view().data, made.out.view().data, made.log_sum.view().data},
            {}
        );
        std::vector<float> delta(static_cast<std::size_t>(tokens * s.heads));
        for (std::int64_t i = 0; i < made.out.size(); ++i) {
            delta[static_cast<std::size_t>(i / s.head_width)] +=
                static_cast<float>(made.out[i] * dout[i]);
        }
        auto const deltas = Tensor<float, 2>::of({tokens, s.heads}, delta);
        backward(
            {s, qkv.view().data, start.view().data, made.log_sum.view().data, dout.view().data,
             deltas.view().data, made.dqkv.view().data},
            {}
        );
        return made;
    }
};

/// The device takes the fastest way that serves it; here each one, whatever the device.
TEST(CudaAttentionTest, EveryWayGivesTheSameResultsAndTheSameBitsTwice) {
    AttentionWay const tiled{cuda::tiled_attention<bf16>, cuda::tiled_attention_backward<bf16>};
    AttentionWay const mma{cuda::mma_attention, cuda::mma_attention_backward};
    AttentionWay const hopper{cuda::hopper_attention, cuda::hopper_attention_backward};
    AttentionShape const shapes[] = {{2, 520, 4, 2, 128}, {3, 384, 2, 2, 64}, {2, 257, 4, 1, 128},
                                     {1, 64, 2, 1, 64},   {1, 1, 2, 1, 128},  {2, 1100, 2, 1, 64}};
    for (auto const& s : shapes) {
        SCOPED_TRACE(testing::Message() << s.row_length << " tokens, width " << s.head_width);
        std::int64_t const tokens = s.rows * s.row_length;
        auto const qkv =
            Tensor<bf16, 2>::normal({tokens, (s.heads + 2 * s.kv_heads) * s.head_width}, "qkv");
        auto const dout = Tensor<bf16, 2>::normal({tokens, s.heads * s.head_width}, "dout");
        auto const expected = tiled.run(s, qkv, dout);
        std::vector<AttentionWay> ways{mma};
        if (cuda::hopper_attention_serves(s, qkv.view().data, dout.view().data)) {
            ways.push_back(hopper);
        }
        for (auto const& way : ways) {
            auto const got = way.run(s, qkv, dout);
            auto const again = way.run(s, qkv, dout);
            EXPECT_TRUE(got.out.same_bits(again.out));
            EXPECT_TRUE(got.dqkv.same_bits(again.dqkv));
            // As above: values below 5, two roundings to T, scores below 40.
            double const floats =
                40.0 * static_cast<double>(s.head_width + s.row_length + 4) * test::kFloatRounding;
            expect_agreement(expected.log_sum, got.log_sum, floats);
            expect_agreement(
                expected.out, got.out, 5.0 * (2.0 * test::rounding_of<bf16>() + floats)
            );
            EXPECT_LE(
                relative_distance(expected.dqkv, got.dqkv), 6.0 * test::rounding_of<bf16>() + floats
            );
        }
    }
}

}  // namespace
}  // namespace isogloss
