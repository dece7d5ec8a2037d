// kernels/unserved_cuda.cu
#include <string>

#include "base/error.h"
#include "kernels/backend.h"

// Operations without a kernel for the GPU: they refuse by name.
namespace isogloss::cuda {
namespace {

[[noreturn]] void refuse(char const* operation) {
    throw Error(Exit::usage, std::string(operation) + " is not served on a GPU; use --device cpu");
}

}  // namespace

template <class T>
void head_norm(View<T const, 3>, HeadNorm<T> const&, View<T, 3>, View<float, 2>, Stream) {
    refuse("head_norm (model.qk-norm)");
}
template <class T>
void head_norm_backward(
    View<T const, 3>,
    HeadNorm<T> const&,
    View<float const, 2>,
    View<T, 3>,
    HeadNormGradients const&,
    Stream
) {
    refuse("head_norm_backward (model.qk-norm)");
}
template <class T>
void store_keys_values(View<T const, 2>, CachePlaces const&, KeyValueCache<T> const&, Stream) {
    refuse("store_keys_values");
}
template <class T>
void cached_attention(
    View<T const, 2>, CachePlaces const&, KeyValueCache<T> const&, View<T, 2>, Stream
) {
    refuse("cached_attention");
}

template decltype(head_norm<float>) head_norm<float>;
template decltype(head_norm<bf16>) head_norm<bf16>;
template decltype(head_norm_backward<float>) head_norm_backward<float>;
template decltype(head_norm_backward<bf16>) head_norm_backward<bf16>;
template decltype(store_keys_values<float>) store_keys_values<float>;
template decltype(store_keys_values<bf16>) store_keys_values<bf16>;
template decltype(cached_attention<float>) cached_attention<float>;
template decltype(cached_attention<bf16>) cached_attention<bf16>;

}  // namespace isogloss::cuda
