// kernels/cuda_wgmma.h - a warp group's products of bf16 by Hopper's asynchronous instructions, and
// tiles in shared memory as these read them. For files *_hopper.cu only.
//
// Names follow PTX's wgmma.m64nNk16: four warps multiply a [64, 16] with b [16, N] into c [64, N]
// of float. Warp w of the group holds rows 16 w to 16 w + 15 of c, in the order of
// kernels/cuda_mma.h.
#pragma once

#include "kernels/cuda_mma.h"

namespace isogloss::cuda {

constexpr int kGroupWarps = 4;
constexpr int kGroupThreads = kGroupWarps * kWarp;
/// Rows of c.
constexpr int kGroupRows = 64;

/// Which warp group of the block; the same register value in all its threads.
__device__ inline int warp_group() {
    return __shfl_sync(kAllLanes, static_cast<int>(threadIdx.x) / kGroupThreads, 0);
}

/// Where an operand lies in shared memory, as wgmma is told: addresses and strides in units of 16
/// bytes.
using Descriptor = std::uint64_t;

/// [rows, width] of bf16 in shared memory in panels of 64 columns. A row of a panel has 128 bytes,
/// whose eight pieces of 16 bytes change places by the row's last three bits (PTX: 128-byte
/// swizzle), so that eight rows lie in all banks. Begins at a multiple of kSwizzleBytes.
template <int rows, int width>
struct SwizzledTile {
    static constexpr int kPanel = 64;
    static constexpr int kRowBytes = 128;
    static constexpr int kPanelBytes = rows * kRowBytes;
    static constexpr int kBytes = kPanelBytes * (width / kPanel);
    static_assert(width % kPanel == 0 && rows % 8 == 0);

    SharedAddress first;

    [[nodiscard]] __device__ SharedAddress at(int row, int column) const {
        int const piece = (column % kPanel / 8) ^ (row % 8);
        return first +
               static_cast<unsigned>(column / kPanel * kPanelBytes + row * kRowBytes + piece * 16);
    }

    /// Rows from `row`, a multiple of 8, and columns [column, column + 16): a left operand, or the
    /// transpose of a right one.
    [[nodiscard]] __device__ Descriptor rows_from(int row, int column) const {
        int const offset = column / kPanel * kPanelBytes + row * kRowBytes + column % kPanel * 2;
        return described(offset, 1, kEightRows);
    }
    /// Rows [row, row + 16) and all columns as a right operand.
    [[nodiscard]] __device__ Descriptor right(int row) const {
        return described(row * kRowBytes, kPanelBytes, kEightRows);
    }

private:
    static constexpr int kEightRows = 8 * kRowBytes;

    [[nodiscard]] __device__ Descriptor described(int offset, int leading, int stride) const {
        constexpr Descriptor kSwizzle128 = Descriptor{1} << 62U;
        auto const in_units = [](unsigned bytes) { return Descriptor{(bytes & 0x3FFFFU) >> 4U}; };
        return in_units(first + static_cast<unsigned>(offset)) |
               in_units(static_cast<unsigned>(leading)) << 16U |
               in_units(static_cast<unsigned>(stride)) << 32U | kSwizzle128;
    }
};

/// What a SwizzledTile's beginning is a multiple of.
constexpr int kSwizzleBytes = 1024;

// Barriers in shared memory (PTX: mbarrier) that `count` arrivals complete, again and again;
// waiting is for the completion of an even (0) or odd (1) turn.
__device__ inline void begin_arrivals(std::uint64_t& barrier, unsigned count) {
    asm volatile("mbarrier.init.shared::cta.b64 [%0], %1;" ::"r"(shared_address(&barrier)),
                 "r"(count)
                 : "memory");
}
__device__ inline void arrive(std::uint64_t& barrier) {
    asm volatile("mbarrier.arrive.shared::cta.b64 _, [%0];" ::"r"(shared_address(&barrier))
                 : "memory");
}
/// When all copies that this thread has begun are there.
__device__ inline void arrive_after_copies(std::uint64_t& barrier) {
    asm volatile(
        "cp.async.mbarrier.arrive.noinc.shared::cta.b64 [%0];" ::"r"(shared_address(&barrier))
        : "memory"
    );
}
__device__ inline void wait_for_arrivals(std::uint64_t& barrier, int turn) {
    asm volatile(
        "{.reg .pred p;\n"
        "again: mbarrier.try_wait.parity.shared::cta.b64 p, [%0], %1;\n"
        "@!p bra again;}" ::"r"(shared_address(&barrier)),
        "r"(turn)
        : "memory"
    );
}

/// Makes what was written to shared memory, or copied there, visible to the products that follow.
__device__ inline void show_to_wgmma() {
    asm volatile("fence.proxy.async.shared::cta;" ::: "memory");
}
/// Before the first product, and wherever registers of operands or results were written since.
__device__ inline void begin_products() {
    asm volatile("wgmma.fence.sync.aligned;" ::: "memory");
}
/// Products since the last call become a group.
__device__ inline void end_group() {
    asm volatile("wgmma.commit_group.sync.aligned;" ::: "memory");
}
/// Until at most `pending` groups are still at work.
template <int pending>
__device__ void wait_for_groups() {
    asm volatile("wgmma.wait_group.sync.aligned %0;" ::"n"(pending) : "memory");
}
/// Keeps the compiler from moving uses of c across this place: it does not know that products write
/// c until they are waited for.
template <std::size_t count>
__device__ void hold(Result (&c)[count]) {
#pragma unroll
    for (std::size_t j = 0; j < count; ++j) {
        asm volatile("" : "+f"(c[j][0]), "+f"(c[j][1]), "+f"(c[j][2]), "+f"(c[j][3])::"memory");
    }
}

#define ISOGLOSS_FOUR(c, j) "+f"(c[j][0]), "+f"(c[j][1]), "+f"(c[j][2]), "+f"(c[j][3])
#define ISOGLOSS_32(c, j)                                                          \
    ISOGLOSS_FOUR(c, j), ISOGLOSS_FOUR(c, j + 1), ISOGLOSS_FOUR(c, j + 2),         \
        ISOGLOSS_FOUR(c, j + 3), ISOGLOSS_FOUR(c, j + 4), ISOGLOSS_FOUR(c, j + 5), \
        ISOGLOSS_FOUR(c, j + 6), ISOGLOSS_FOUR(c, j + 7)
#define ISOGLOSS_LIST_32                                                                         \
    "%0, %1, %2, %3, %4, %5, %6, %7, %8, %9, %10, %11, %12, %13, %14, %15, %16, %17, %18, %19, " \
    "%20, %21, %22, %23, %24, %25, %26, %27, %28, %29, %30, %31"
#define ISOGLOSS_LIST_64                                                                           \
    ISOGLOSS_LIST_32                                                                               \
    ", %32, %33, %34, %35, %36, %37, %38, %39, %40, %41, %42, %43, %44, %45, %46, %47, %48, %49, " \
    "%50, %51, %52, %53, %54, %55, %56, %57, %58, %59, %60, %61, %62, %63"

/// c = a b or c += a b for 16 terms. Right operands are given by their transposes' rows.
__device__ inline void issue(Result (&c)[8], Descriptor a, Descriptor b, bool adds) {
    asm volatile(
        "{.reg .pred p; setp.ne.b32 p, %34, 0;\n"
        "wgmma.mma_async.sync.aligned.m64n64k16.f32.bf16.bf16 {" ISOGLOSS_LIST_32
        "}, %32, %33, p, 1, 1, 0, 0;}"
        : ISOGLOSS_32(c, 0)
        : "l"(a), "l"(b), "r"(static_cast<int>(adds))
    );
}
__device__ inline void issue(Result (&c)[16], Descriptor a, Descriptor b, bool adds) {
    asm volatile(
        "{.reg .pred p; setp.ne.b32 p, %66, 0;\n"
        "wgmma.mma_async.sync.aligned.m64n128k16.f32.bf16.bf16 {" ISOGLOSS_LIST_64
        "}, %64, %65, p, 1, 1, 0, 0;}"
        : ISOGLOSS_32(c, 0), ISOGLOSS_32(c, 8)
        : "l"(a), "l"(b), "r"(static_cast<int>(adds))
    );
}
/// c += a b for 16 terms, a in registers, b as it lies.
__device__ inline void issue(Result (&c)[8], Fragments const& a, Descriptor b) {
    asm volatile("wgmma.mma_async.sync.aligned.m64n64k16.f32.bf16.bf16 {" ISOGLOSS_LIST_32
                 "}, {%32, %33, %34, %35}, %36, 1, 1, 1, 1;"
                 : ISOGLOSS_32(c, 0)
                 : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "l"(b));
}
__device__ inline void issue(Result (&c)[16], Fragments const& a, Descriptor b) {
    asm volatile("wgmma.mma_async.sync.aligned.m64n128k16.f32.bf16.bf16 {" ISOGLOSS_LIST_64
                 "}, {%64, %65, %66, %67}, %68, 1, 1, 1, 1;"
                 : ISOGLOSS_32(c, 0), ISOGLOSS_32(c, 8)
                 : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "l"(b));
}
#undef ISOGLOSS_LIST_64
#undef ISOGLOSS_LIST_32
#undef ISOGLOSS_32
#undef ISOGLOSS_FOUR

/// Begins c = rows [row, row + 64) of a times the transposed rows of b, of which there are 8 count.
template <int rows, int columns, int width, std::size_t count>
__device__ void begin_product_of_rows(
    SwizzledTile<rows, width> a, int row, SwizzledTile<columns, width> b, Result (&c)[count]
) {
    static_assert(8 * count == static_cast<std::size_t>(columns));
#pragma unroll
    for (int w = 0; w < width; w += 16) {
        issue(c, a.rows_from(row, w), b.rows_from(0, w), w > 0);
    }
    end_group();
}

/// A [64, 8 count] result, rounded to bf16, as left operands of 16 terms each.
template <std::size_t count>
struct LeftOperands {
    Fragments fragments[count / 2];

    __device__ void take(Result const (&c)[count]) {
#pragma unroll
        for (int j = 0; j < static_cast<int>(count); j += 2) {
            as_left_operand(c[j], c[j + 1], fragments[j / 2]);
        }
    }
};

/// Begins sum [64, width] += a times b.
template <int rows, int width, std::size_t count, std::size_t columns>
__device__ void begin_adding_product(
    LeftOperands<count> const& a, SwizzledTile<rows, width> b, Result (&sum)[columns]
) {
    static_assert(8 * columns == static_cast<std::size_t>(width));
    static_assert(8 * count == static_cast<std::size_t>(rows));
#pragma unroll
    for (int k = 0; k < static_cast<int>(count) / 2; ++k) {
        issue(sum, a.fragments[k], b.right(16 * k));
    }
    end_group();
}

}  // namespace isogloss::cuda
