// kernels/cuda_product.cu
#include "kernels/cuda_product.h"

#include <cublasLt.h>

#include <algorithm>
#include <array>
#include <bit>
#include <map>
#include <string>
#include <type_traits>
#include <utility>

#include "base/error.h"
#include "base/math.h"
#include "base/unique_handle.h"
#include "device/cuda_check.h"
#include "device/cuda_queue.h"
#include "kernels/elementwise.h"

namespace isogloss::cuda {
namespace {

void check_cublas(cublasStatus_t status, char const* call) {
    if (status != CUBLAS_STATUS_SUCCESS) {
        throw Error(
            Exit::environment, std::string(call) + ": " + cublasLtGetStatusName(status) + ", " +
                                   cublasLtGetStatusString(status) +
                                   "; set CUBLASLT_LOG_LEVEL=2 to see its reasons"
        );
    }
}

template <class Handle, cublasStatus_t (*destroy)(Handle)>
struct CublasTraits {
    using type = Handle;
    static type null() noexcept { return nullptr; }
    static void release(type handle) noexcept { destroy(handle); }
};
using Library = UniqueHandle<CublasTraits<cublasLtHandle_t, cublasLtDestroy>>;
using Description = UniqueHandle<CublasTraits<cublasLtMatmulDesc_t, cublasLtMatmulDescDestroy>>;
using Layout = UniqueHandle<CublasTraits<cublasLtMatrixLayout_t, cublasLtMatrixLayoutDestroy>>;
using Preference =
    UniqueHandle<CublasTraits<cublasLtMatmulPreference_t, cublasLtMatmulPreferenceDestroy>>;

constexpr std::int64_t kWorkspaceBytes = std::int64_t{32} << 20;  // what Hopper's kernels ask for

template <class T>
constexpr cudaDataType_t cuda_type() {
    return std::is_same_v<T, float> ? CUDA_R_32F : CUDA_R_16BF;
}

/// A product as cuBLASLt sees it, by columns: a row-major matrix is its own transpose there, so
/// c^T = op(b)^T op(a)^T is computed, m x n with k terms.
struct Form {
    std::int64_t m, n, k;
    cublasOperation_t first, second;  ///< of b, of a
    cudaDataType_t in, out;
    std::array<std::uint32_t, 3> alignment;  ///< bytes, of b, a and c
    std::int32_t multiprocessors = 0;        ///< it may take; 0: all

    auto operator<=>(Form const&) const = default;
};

std::uint32_t alignment_of(void const* address) {
    constexpr std::uintptr_t kMost = 256;
    auto const bits = reinterpret_cast<std::uintptr_t>(address) | kMost;
    return static_cast<std::uint32_t>(bits & (~bits + 1));
}

/// Sizes that share a choice: eight steps an octave, so less than an eighth apart. Widths of models
/// are whole multiples of kExact and speak for themselves.
std::int64_t rounded_size(std::int64_t size) {
    constexpr std::int64_t kExact = 64;
    constexpr int kStepsOfOctave = 8;
    if (size % kExact == 0) {
        return size;
    }
    auto const octave = static_cast<std::int64_t>(std::bit_ceil(static_cast<std::uint64_t>(size)));
    return round_up(size, std::max<std::int64_t>(1, octave / 2 / kStepsOfOctave));
}

Layout layout(cudaDataType_t type, std::int64_t rows, std::int64_t columns) {
    cublasLtMatrixLayout_t made = nullptr;
    check_cublas(
        cublasLtMatrixLayoutCreate(
            &made, type, static_cast<std::uint64_t>(rows), static_cast<std::uint64_t>(columns), rows
        ),
        "cublasLtMatrixLayoutCreate"
    );
    return Layout(made);
}

struct Layouts {
    explicit Layouts(Form const& form)
        : first(
              form.first == CUBLAS_OP_N ? layout(form.in, form.m, form.k)
                                        : layout(form.in, form.k, form.m)
          ),
          second(
              form.second == CUBLAS_OP_N ? layout(form.in, form.k, form.n)
                                         : layout(form.in, form.n, form.k)
          ),
          result(layout(form.out, form.m, form.n)) {}

    Layout first;
    Layout second;
    Layout result;
};

template <class Value>
void set(Preference const& preference, cublasLtMatmulPreferenceAttributes_t what, Value value) {
    check_cublas(
        cublasLtMatmulPreferenceSetAttribute(preference.get(), what, &value, sizeof(value)),
        "cublasLtMatmulPreferenceSetAttribute"
    );
}

Description describe(Form const& form) {
    cublasLtMatmulDesc_t made = nullptr;
    check_cublas(
        cublasLtMatmulDescCreate(&made, CUBLAS_COMPUTE_32F, CUDA_R_32F), "cublasLtMatmulDescCreate"
    );
    Description description(made);
    auto const set_attribute = [&](cublasLtMatmulDescAttributes_t what, auto value) {
        check_cublas(
            cublasLtMatmulDescSetAttribute(made, what, &value, sizeof(value)),
            "cublasLtMatmulDescSetAttribute"
        );
    };
    set_attribute(CUBLASLT_MATMUL_DESC_TRANSA, form.first);
    set_attribute(CUBLASLT_MATMUL_DESC_TRANSB, form.second);
    if (form.multiprocessors > 0) {
        set_attribute(CUBLASLT_MATMUL_DESC_SM_COUNT_TARGET, form.multiprocessors);
    }
    return description;
}

/// How many parts of a sum are made by different blocks and added then.
std::uint32_t parts_of_sum(cublasLtMatmulAlgo_t const& algorithm) {
    std::uint32_t parts = 0;
    std::size_t written = 0;
    check_cublas(
        cublasLtMatmulAlgoConfigGetAttribute(
            &algorithm, CUBLASLT_ALGO_CONFIG_SPLITK_NUM, &parts, sizeof(parts), &written
        ),
        "cublasLtMatmulAlgoConfigGetAttribute"
    );
    return parts;
}

/// How a product is made.
struct Choice {
    cublasLtMatmulAlgo_t algorithm;
    std::int32_t multiprocessors;  ///< 0: all
};

/// The products a thread has asked cuBLASLt about.
class Products {
public:
    Products() {
        cublasLtHandle_t made = nullptr;
        check_cublas(cublasLtCreate(&made), "cublasLtCreate");
        library_ = Library(made);
    }

    [[nodiscard]] cublasLtHandle_t library() const { return library_.get(); }

    /// The choice for shapes near `form`'s.
    Choice const& choose(Form form) {
        form.m = rounded_size(form.m);
        form.n = rounded_size(form.n);
        form.k = rounded_size(form.k);
        auto place = chosen_.find(form);
        if (place == chosen_.end()) {
            place = chosen_.emplace(form, ask_for_share(form)).first;
        }
        return place->second;
    }

    /// The choice for this very shape.
    Choice ask_for_share(Form form) {
        auto const multiprocessors = std::exchange(form.multiprocessors, 0);
        Choice const all{ask(form), 0};
        // A sum in parts has other bits for another number of parts. All other kernels add the
        // terms of a sum one after the other, so bits do not depend on the share.
        if (multiprocessors == 0 || parts_of_sum(all.algorithm) > 1) {
            return all;
        }
        form.multiprocessors = multiprocessors;
        return {ask(form), multiprocessors};
    }

private:
    cublasLtMatmulAlgo_t ask(Form const& form) {
        auto const description = describe(form);
        cublasLtMatmulPreference_t made = nullptr;
        check_cublas(cublasLtMatmulPreferenceCreate(&made), "cublasLtMatmulPreferenceCreate");
        Preference const preference(made);
        set(preference, CUBLASLT_MATMUL_PREF_MAX_WORKSPACE_BYTES,
            static_cast<std::uint64_t>(kWorkspaceBytes));
        // Parts of a sum that several blocks made are added in float, so it is rounded once.
        auto const parts = form.multiprocessors == 0 ? CUBLASLT_REDUCTION_SCHEME_COMPUTE_TYPE
                                                     : CUBLASLT_REDUCTION_SCHEME_NONE;
        set(preference, CUBLASLT_MATMUL_PREF_REDUCTION_SCHEME_MASK,
            static_cast<std::uint32_t>(parts));
        set(preference, CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_A_BYTES, form.alignment[0]);
        set(preference, CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_B_BYTES, form.alignment[1]);
        set(preference, CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_C_BYTES, form.alignment[2]);
        set(preference, CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_D_BYTES, form.alignment[2]);
        Layouts const layouts(form);
        cublasLtMatmulHeuristicResult_t result{};
        int found = 0;
        check_cublas(
            cublasLtMatmulAlgoGetHeuristic(
                library(), description.get(), layouts.first.get(), layouts.second.get(),
                layouts.result.get(), layouts.result.get(), preference.get(), 1, &result, &found
            ),
            "cublasLtMatmulAlgoGetHeuristic"
        );
        check_cublas(
            found > 0 ? result.state : CUBLAS_STATUS_NOT_SUPPORTED, "choice of a matrix product"
        );
        return result.algo;
    }

    Library library_;
    std::map<Form, Choice> chosen_;
};

struct Addresses {
    void const* first;
    void const* second;
    void* result;
};

void run(Form const& form, Addresses const& at, Write write, Queue& queue, std::byte* workspace) {
    thread_local Products products;
    Layouts const layouts(form);
    float const one = 1.0F;
    float const beta = write == Write::add ? 1.0F : 0.0F;
    auto const multiply = [&](Choice const& choice) {
        Form its = form;
        its.multiprocessors = choice.multiprocessors;
        auto const description = describe(its);
        return cublasLtMatmul(
            products.library(), description.get(), &one, at.first, layouts.first.get(), at.second,
            layouts.second.get(), &beta, at.result, layouts.result.get(), at.result,
            layouts.result.get(), &choice.algorithm, workspace,
            static_cast<std::size_t>(kWorkspaceBytes), queue.get()
        );
    };
    cublasStatus_t status = multiply(products.choose(form));
    if (status == CUBLAS_STATUS_NOT_SUPPORTED || status == CUBLAS_STATUS_INVALID_VALUE) {
        status = multiply(products.ask_for_share(form));  // this very shape is the odd one out
    }
    check_cublas(status, "cublasLtMatmul");
}

}  // namespace

template <class T, class C>
void product(Operand<T> a, Operand<T> b, View<C, 2> c, Write write, Stream stream) {
    std::int64_t const terms = a.turned == Turned::no ? a.columns : a.rows;
    if (c.size() == 0) {
        return;
    }
    if (terms == 0) {
        if (write == Write::replace) {
            isogloss::fill(c.flat(), 0.0F, stream);
        }
        return;
    }
    auto& queue = queue_of(stream);
    Form form{
        c.shape[1],
        c.shape[0],
        terms,
        b.turned == Turned::no ? CUBLAS_OP_N : CUBLAS_OP_T,
        a.turned == Turned::no ? CUBLAS_OP_N : CUBLAS_OP_T,
        cuda_type<T>(),
        cuda_type<C>(),
        {alignment_of(b.data), alignment_of(a.data), alignment_of(c.data)},
        queue.multiprocessors()};
    if (std::is_same_v<C, float> || write == Write::replace) {
        return run(form, {b.data, a.data, c.data}, write, queue, queue.scratch(kWorkspaceBytes));
    }
    // Some of cuBLASLt's kernels round a product to bf16 before they add it: two roundings.
    auto const bytes = c.size() * static_cast<std::int64_t>(sizeof(float));
    auto* const workspace = queue.scratch(kWorkspaceBytes + bytes);
    View<float, 1> const sums{
        reinterpret_cast<float*>(workspace + kWorkspaceBytes), {c.size()}, c.device};
    form.out = CUDA_R_32F;
    form.alignment[2] = alignment_of(sums.data);
    run(form, {b.data, a.data, sums.data}, Write::replace, queue, workspace);
    isogloss::add<float, C>(sums, c.flat(), stream);
}

#define ISOGLOSS_INSTANTIATE(T, C) \
    template void product<T, C>(Operand<T>, Operand<T>, View<C, 2>, Write, Stream);
ISOGLOSS_INSTANTIATE(float, float)
ISOGLOSS_INSTANTIATE(bf16, bf16)
ISOGLOSS_INSTANTIATE(bf16, float)
#undef ISOGLOSS_INSTANTIATE

}  // namespace isogloss::cuda
