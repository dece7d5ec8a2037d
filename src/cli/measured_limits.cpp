// cli/measured_limits.cpp
#include "cli/measured_limits.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <concepts>
#include <limits>
#include <span>

#include "device/copy.h"
#include "device/moment.h"
#include "kernels/matmul.h"

namespace isogloss {
namespace {

constexpr int kRepeats = 5;  // of what is measured alone

// A cheap sequence in [-1, 1): products take as long for any numbers that look like noise.
template <class T>
Buffer<T> random_buffer(Device device, std::int64_t size) {
    Buffer<T> buffer(device, size);
    fill_from_host(buffer.view(), Stream{}, [](View<T, 1> host) {
        for (std::int64_t i = 0; i < host.size(); ++i) {
            auto const step = static_cast<std::uint32_t>(i) * 2654435761U;
            host.data[i] = from_float<T>(static_cast<float>(step >> 8U) / (1 << 23) - 1.0F);
        }
    });
    return buffer;
}

// Best seconds of `work` after a first time that does not count.
double best_of(int repeats, Device device, std::invocable auto const& work) {
    work();
    double best = std::numeric_limits<double>::infinity();
    for (int i = 0; i < repeats; ++i) {
        Moment const begin(device, Stream{});
        work();
        Moment const end(device, Stream{});
        best = std::min(best, end.seconds_since(begin));
    }
    return best;
}

// Memory for some products, which they use in turn.
template <class T>
class Operands {
public:
    Operands(std::span<StepProduct const> products, Device device)
        : x_(random_buffer<T>(device, largest(products, &StepProduct::tokens, &StepProduct::in))),
          y_(random_buffer<T>(device, largest(products, &StepProduct::tokens, &StepProduct::out))),
          weight_(random_buffer<T>(device, largest(products, &StepProduct::out, &StepProduct::in))),
          gradient_(device, weight_.size()) {}

    void multiply(StepProduct const& product) const {
        auto const [tokens, in, out] = std::array{product.tokens, product.in, product.out};
        auto const x = matrix(x_, tokens, in);
        auto const y = matrix(y_, tokens, out);
        auto const weight = matrix(weight_, out, in);
        switch (product.form) {
            case ProductForm::forward:
                return matmul_nt<T, T>(x, weight, y, Write::replace, Stream{});
            case ProductForm::to_input:
                return matmul_nn<T, T>(y, weight, x, Write::replace, Stream{});
            case ProductForm::to_weight:
                return matmul_tn<T, float>(
                    y, x, matrix(gradient_, out, in), Write::replace, Stream{}
                );
        }
    }

private:
    using Extent = std::int64_t StepProduct::*;

    static std::int64_t largest(std::span<StepProduct const> products, Extent a, Extent b) {
        std::int64_t most = 0;
        for (auto const& product : products) {
            most = std::max(most, product.*a * product.*b);
        }
        return most;
    }
    template <class U>
    static View<U, 2> matrix(Buffer<U> const& buffer, std::int64_t rows, std::int64_t columns) {
        return buffer.view().rows(0, rows * columns).template reshaped<2>({rows, columns});
    }

    Buffer<T> x_;
    Buffer<T> y_;
    Buffer<T> weight_;
    Buffer<float> gradient_;
};

// Mean seconds of `work` over a stretch, after one as long.
double held_seconds(Device device, std::invocable auto const& work) {
    constexpr double kStretch = 0.2;
    auto const times = static_cast<int>(std::ceil(kStretch / best_of(1, device, work)));
    double const stretch = best_of(1, device, [&] {
        for (int i = 0; i < times; ++i) {
            work();
        }
    });
    return stretch / times;
}

double rate(
    std::span<StepProduct const> products, std::invocable<StepProduct const&> auto const& seconds
) {
    double flops = 0.0;
    double sum = 0.0;
    for (auto const& product : products) {
        flops += product.count * product.flops();
        sum += product.count * seconds(product);
    }
    return flops / sum;
}

template <class T>
ProductRates rates_of(std::span<StepProduct const> products, Device device) {
    Operands<T> const operands(products, device);
    ProductRates rates;
    rates.best = rate(products, [&](StepProduct const& product) {
        return best_of(kRepeats, device, [&] { operands.multiply(product); });
    });
    rates.held = rates.best;
    if (device == Device::cuda) {
        rates.held = rate(products, [&](StepProduct const& product) {
            return held_seconds(device, [&] { operands.multiply(product); });
        });
    }
    return rates;
}

}  // namespace

double product_seconds(StepProduct const& product, DType dtype, Device device, int repeats) {
    auto const best = [&]<class T>(T) {
        Operands<T> const operands({&product, 1}, device);
        return best_of(repeats, device, [&] { operands.multiply(product); });
    };
    return dtype == DType::bf16 ? best(bf16{}) : best(float{});
}

ProductRates product_rates(BenchModel const& model, Device device, std::int64_t tokens) {
    auto const products = step_products(model, device, tokens);
    return model.dtype == DType::bf16 ? rates_of<bf16>(products, device)
                                      : rates_of<float>(products, device);
}

double copy_peak(Device device) {
    constexpr std::int64_t kElements = std::int64_t{1} << 28;  // 1 GiB: far above every cache
    Buffer<float> const from(device, kElements);
    Buffer<float> const to(device, kElements);
    double const seconds = best_of(kRepeats, device, [&] {
        switch (device) {
            case Device::cpu: std::copy_n(from.data(), kElements, to.data()); return;
            case Device::cuda:
                return cuda::copy(to.data(), from.data(), kElements * sizeof(float), Stream{});
        }
    });
    return 2.0 * sizeof(float) * static_cast<double>(kElements) / seconds;
}

}  // namespace isogloss
