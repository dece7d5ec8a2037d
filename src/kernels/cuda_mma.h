// kernels/cuda_mma.h - a warp's products of bf16 on tensor cores, and tiles in shared memory for
// them. For .cu files only.
//
// Names follow PTX's m16n8k16: a warp multiplies a [16, 16] with b [16, 8] into c [16, 8] of float.
// Lane l holds of c: rows l / 4 and l / 4 + 8, columns 2 (l % 4) and the next.
#pragma once

#include <cuda_bf16.h>

#include <cstddef>
#include <cstdint>

#include "device/bf16.h"
#include "kernels/cuda_parts.h"

namespace isogloss::cuda {

/// Four 8 x 8 matrices of bf16, one register of each.
using Fragments = std::uint32_t[4];
/// A lane's part of a [16, 8] result.
using Result = float[4];
/// The same of a [16, width] result.
template <int width>
using Results = Result[static_cast<std::size_t>(width / 8)];

/// Where in shared memory something lies: 32 bits, so that addresses cost one instruction.
using SharedAddress = unsigned;

__device__ inline SharedAddress shared_address(void const* shared) {
    return static_cast<SharedAddress>(__cvta_generic_to_shared(shared));
}

/// Lane l gives the address of row l % 8 of matrix l / 8; rows of 16 bytes.
__device__ inline void load_matrices(SharedAddress row, Fragments& to) {
    asm volatile("ldmatrix.sync.aligned.m8n8.x4.shared.b16 {%0, %1, %2, %3}, [%4];"
                 : "=r"(to[0]), "=r"(to[1]), "=r"(to[2]), "=r"(to[3])
                 : "r"(row));
}
/// The same, each matrix transposed.
__device__ inline void load_turned_matrices(SharedAddress row, Fragments& to) {
    asm volatile("ldmatrix.sync.aligned.m8n8.x4.trans.shared.b16 {%0, %1, %2, %3}, [%4];"
                 : "=r"(to[0]), "=r"(to[1]), "=r"(to[2]), "=r"(to[3])
                 : "r"(row));
}

/// c += a b; b's two registers are for terms 0 to 7 and 8 to 15.
__device__ inline void multiply_add(
    Result& c, Fragments const& a, std::uint32_t b_low, std::uint32_t b_high
) {
    asm volatile(
        "mma.sync.aligned.m16n8k16.row.col.f32.bf16.bf16.f32 "
        "{%0, %1, %2, %3}, {%4, %5, %6, %7}, {%8, %9}, {%0, %1, %2, %3};"
        : "+f"(c[0]), "+f"(c[1]), "+f"(c[2]), "+f"(c[3])
        : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b_low), "r"(b_high)
    );
}

__device__ inline std::uint32_t pair_of(float low, float high) {
    __nv_bfloat162 const pair = __floats2bfloat162_rn(low, high);
    return (static_cast<std::uint32_t>(__bfloat16_as_ushort(pair.y)) << 16U) |
           __bfloat16_as_ushort(pair.x);
}

/// Results of two neighbours, [16, 16] together, as the left operand of the next product.
__device__ inline void as_left_operand(Result const& first, Result const& second, Fragments& a) {
    a[0] = pair_of(first[0], first[1]);
    a[1] = pair_of(first[2], first[3]);
    a[2] = pair_of(second[0], second[1]);
    a[3] = pair_of(second[2], second[3]);
}

/// Copies 16 bytes to shared memory behind the thread's back; zeros, and nothing read, where not
/// `inside`.
__device__ inline void copy_vector_async(SharedAddress to, void const* from, bool inside) {
    asm volatile(
        "cp.async.cg.shared.global [%0], [%1], 16, %2;" ::"r"(to), "l"(from), "r"(inside ? 16 : 0)
    );
}
/// The same for 4 bytes.
__device__ inline void copy_word_async(SharedAddress to, void const* from, bool inside) {
    asm volatile(
        "cp.async.ca.shared.global [%0], [%1], 4, %2;" ::"r"(to), "l"(from), "r"(inside ? 4 : 0)
    );
}
/// Until all copies of this thread are done; a barrier must follow before others read them.
__device__ inline void wait_for_copies() {
    asm volatile("cp.async.wait_all;" ::: "memory");
}

/// Rows of `width` bf16 in shared memory, 16 bytes apart so that eight rows lie in eight banks.
template <int width>
struct Tile {
    static constexpr int kStride = width + 8;

    static constexpr int kRowBytes = kStride * static_cast<int>(sizeof(bf16));

    SharedAddress first;

    [[nodiscard]] __device__ SharedAddress at(int row, int column) const {
        return first +
               static_cast<unsigned>(row * kRowBytes + column * static_cast<int>(sizeof(bf16)));
    }
    /// What begins `row` rows later.
    [[nodiscard]] __device__ Tile from(int row) const { return {at(row, 0)}; }

    /// Rows [row, row + 16), columns [column, column + 16) as a left operand.
    __device__ void left(int row, int column, Fragments& a) const {
        int const lane = static_cast<int>(threadIdx.x) % kWarp;
        load_matrices(at(row + lane % 16, column + lane / 16 * 8), a);
    }
    /// The transpose of the same rows and columns as two right operands: registers 0 and 1 for rows
    /// [row, row + 8) as columns, 2 and 3 for the other eight.
    __device__ void right_of_rows(int row, int column, Fragments& b) const {
        int const lane = static_cast<int>(threadIdx.x) % kWarp;
        load_matrices(at(row + lane % 8 + lane / 16 * 8, column + lane / 8 % 2 * 8), b);
    }
    /// The same rows and columns themselves as two right operands, of 8 columns each.
    __device__ void right(int row, int column, Fragments& b) const {
        int const lane = static_cast<int>(threadIdx.x) % kWarp;
        load_turned_matrices(at(row + lane % 16, column + lane / 16 * 8), b);
    }
};

/// Results of `tiles` times 16 rows.
template <int tiles, int width>
using TileResults = Results<width>[static_cast<std::size_t>(tiles)];

/// c[t][j] += rows [row + 16 t, row + 16 t + 16) of a times the transposed rows [8 j, 8 j + 8) of
/// b. What is read of b serves all t.
template <int width, std::size_t tiles, std::size_t count>
__device__ void multiply_by_rows(Tile<width> a, int row, Tile<width> b, Result (&c)[tiles][count]) {
#pragma unroll
    for (int w = 0; w < width; w += 16) {
        Fragments left[tiles];
#pragma unroll
        for (int t = 0; t < static_cast<int>(tiles); ++t) {
            a.left(row + 16 * t, w, left[t]);
        }
#pragma unroll
        for (int j = 0; j < static_cast<int>(count); j += 2) {
            Fragments right;
            b.right_of_rows(8 * j, w, right);
#pragma unroll
            for (int t = 0; t < static_cast<int>(tiles); ++t) {
                multiply_add(c[t][j], left[t], right[0], right[1]);
                multiply_add(c[t][j + 1], left[t], right[2], right[3]);
            }
        }
    }
}

/// sum[t] [16, width] += c[t] [16, 8 count], rounded to bf16, times the first 8 count rows of b.
template <int width, std::size_t tiles, std::size_t count, std::size_t columns>
__device__ void add_product(
    Result const (&c)[tiles][count], Tile<width> b, Result (&sum)[tiles][columns]
) {
    static_assert(8 * columns == static_cast<std::size_t>(width));
#pragma unroll
    for (int j = 0; j < static_cast<int>(count); j += 2) {
        Fragments left[tiles];
#pragma unroll
        for (int t = 0; t < static_cast<int>(tiles); ++t) {
            as_left_operand(c[t][j], c[t][j + 1], left[t]);
        }
#pragma unroll
        for (int w = 0; w < width; w += 16) {
            Fragments right;
            b.right(8 * j, w, right);
#pragma unroll
            for (int t = 0; t < static_cast<int>(tiles); ++t) {
                multiply_add(sum[t][w / 8], left[t], right[0], right[1]);
                multiply_add(sum[t][w / 8 + 1], left[t], right[2], right[3]);
            }
        }
    }
}

}  // namespace isogloss::cuda
