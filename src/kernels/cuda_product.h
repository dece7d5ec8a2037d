// kernels/cuda_product.h - one matrix product on the GPU: the form behind all of them.
#pragma once

#include <cstdint>

#include "device/view.h"
#include "kernels/matmul.h"

namespace isogloss::cuda {

/// Whether an operand is used as it lies in memory or with rows and columns exchanged.
enum class Turned : std::uint8_t { no, yes };

/// A row-major matrix without gaps, [rows, columns] as it lies in memory.
template <class T>
struct Operand {
    T const* data = nullptr;
    std::int64_t rows = 0;
    std::int64_t columns = 0;
    Turned turned = Turned::no;
};

template <class T>
Operand<T> operand(View<T const, 2> x, Turned turned) {
    return {x.data, x.shape[0], x.shape[1], turned};
}

/// c = op(a) op(b), or c += that. c [N, M]. By cuBLASLt, with sums in float; float operands are
/// multiplied as float, not rounded to TF32 first. Same bits from run to run for the same shape and
/// alignment.
///
/// Which of cuBLASLt's kernels serves a shape is its own choice, asked for once. Shapes whose rows
/// differ by less than an eighth share a choice, since experts get other rows in each step.
template <class T, class C>
void product(Operand<T> a, Operand<T> b, View<C, 2> c, Write write, Stream stream);

}  // namespace isogloss::cuda
