// kernels/parallel.h - a range cut into one part a thread, or not cut where forking costs more.
#pragma once

#include <omp.h>

#include <algorithm>
#include <cstdint>

#include "base/math.h"

namespace isogloss::cpu {

/// Elements of work below which a second thread costs more than it brings (about 5 us).
constexpr std::int64_t kElementsPerThread = 16384;

/// Calls body(begin, end) for parts that cover [0, size), each by its own thread, in one static
/// cut. Parts begin at multiples of `grain`, so that two threads share no cache line and each
/// element is computed by the same instructions for any number of threads.
///
/// Runs body(0, size) on the calling thread when there is little to do or it is itself one of many.
/// @param cost  elements touched for each of the `size`
template <class Body>
void parallel_parts(std::int64_t size, std::int64_t cost, std::int64_t grain, Body const& body) {
    std::int64_t const grains = ceil_div(size, grain);
    std::int64_t const wanted = std::min(size * cost / kElementsPerThread, grains);
    std::int64_t const threads =
        omp_in_parallel() != 0 ? 1 : std::min<std::int64_t>(wanted, omp_get_max_threads());
    if (threads <= 1) {
        if (size > 0) {
            body(std::int64_t{0}, size);
        }
        return;
    }
#pragma omp parallel num_threads(static_cast <int>(threads))
    {
        std::int64_t const team = omp_get_num_threads();
        std::int64_t const self = omp_get_thread_num();
        std::int64_t const begin = grains * self / team * grain;
        std::int64_t const end = std::min(grains * (self + 1) / team * grain, size);
        if (begin < end) {
            body(begin, end);
        }
    }
}

/// The same over rows of `cost` elements each.
template <class Body>
void parallel_rows(std::int64_t rows, std::int64_t cost, Body const& body) {
    parallel_parts(rows, cost, 1, body);
}

/// The same over single elements.
template <class Body>
void parallel_elements(std::int64_t size, Body const& body) {
    parallel_parts(size, 1, 64, body);
}

/// While it lives, libraries that ask OpenMP for threads get one on this thread.
class OneThread {
public:
    OneThread() : before_(omp_get_max_threads()) { omp_set_num_threads(1); }
    ~OneThread() { omp_set_num_threads(before_); }
    OneThread(OneThread const&) = delete;
    OneThread& operator=(OneThread const&) = delete;

private:
    int before_;
};

}  // namespace isogloss::cpu
