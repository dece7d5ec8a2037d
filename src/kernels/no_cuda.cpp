// kernels/no_cuda.cpp
#include "device/no_cuda.h"

#include "kernels/backend.h"

namespace isogloss::cuda {
template <class T, class C>
void matmul_nt(View<T const, 2>, View<T const, 2>, View<C, 2>, Write, Stream) {
    fail_without_cuda("matmul_nt");
}
template <class T, class C>
void matmul_nn(View<T const, 2>, View<T const, 2>, View<C, 2>, Write, Stream) {
    fail_without_cuda("matmul_nn");
}
template <class T, class C>
void matmul_tn(View<T const, 2>, View<T const, 2>, View<C, 2>, Write, Stream) {
    fail_without_cuda("matmul_tn");
}
template <class T>
void grouped_matmul_nt(
    View<T const, 2>,
    std::span<std::int64_t const>,
    std::span<View<T const, 2> const>,
    View<T, 2>,
    Stream
) {
    fail_without_cuda("grouped_matmul_nt");
}
template <class T>
void grouped_matmul_nn(
    View<T const, 2>,
    std::span<std::int64_t const>,
    std::span<View<T const, 2> const>,
    View<T, 2>,
    Stream
) {
    fail_without_cuda("grouped_matmul_nn");
}
template <class T>
void grouped_matmul_tn(
    View<T const, 2>,
    View<T const, 2>,
    std::span<std::int64_t const>,
    std::span<GradientSum const>,
    Stream
) {
    fail_without_cuda("grouped_matmul_tn");
}
template <class T>
void embed(View<std::int32_t const, 1>, View<T const, 2>, View<T, 2>, Stream) {
    fail_without_cuda("embed");
}
template <class T>
void embed_backward(View<std::int32_t const, 1>, View<T const, 2>, View<float, 2>, Stream) {
    fail_without_cuda("embed_backward");
}
template <class T>
void rms_norm(View<T const, 2>, NormGain<T> const&, float, View<T, 2>, View<float, 1>, Stream) {
    fail_without_cuda("rms_norm");
}
template <class T>
void add_rms_norm(
    View<T, 2>, View<T const, 2>, NormGain<T> const&, float, View<T, 2>, View<float, 1>, Stream
) {
    fail_without_cuda("add_rms_norm");
}
template <class T>
void rms_norm_backward(
    View<T const, 2>,
    View<T const, 2>,
    NormGain<T> const&,
    View<float const, 1>,
    View<T, 2>,
    View<float, 1>,
    Stream
) {
    fail_without_cuda("rms_norm_backward");
}
template <class T>
void layer_norm(
    View<T const, 2>, LayerNormWeights<T> const&, float, View<T, 2>, LayerMoments const&, Stream
) {
    fail_without_cuda("layer_norm");
}
template <class T>
void add_layer_norm(
    View<T, 2>,
    View<T const, 2>,
    LayerNormWeights<T> const&,
    float,
    View<T, 2>,
    LayerMoments const&,
    Stream
) {
    fail_without_cuda("add_layer_norm");
}
template <class T>
void layer_norm_backward(
    View<T const, 2>,
    View<T const, 2>,
    LayerNormWeights<T> const&,
    LayerMoments const&,
    View<T, 2>,
    LayerNormGradients const&,
    Stream
) {
    fail_without_cuda("layer_norm_backward");
}
template <class T>
void head_norm(View<T const, 3>, HeadNorm<T> const&, View<T, 3>, View<float, 2>, Stream) {
    fail_without_cuda("head_norm");
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
    fail_without_cuda("head_norm_backward");
}
template <class T>
void rotary(
    View<T, 3>,
    std::int64_t,
    View<std::int32_t const, 1>,
    View<float const, 2>,
    View<float const, 2>,
    Rotation,
    Stream
) {
    fail_without_cuda("rotary");
}
template <class T>
void attention(
    View<T const, 2>,
    View<std::int32_t const, 1>,
    AttentionShape const&,
    View<T, 2>,
    View<float, 2>,
    Stream
) {
    fail_without_cuda("attention");
}
template <class T>
void attention_backward(
    View<T const, 2>,
    View<std::int32_t const, 1>,
    AttentionShape const&,
    View<T const, 2>,
    View<float const, 2>,
    View<T const, 2>,
    View<T, 2>,
    Stream
) {
    fail_without_cuda("attention_backward");
}
template <class T>
void store_keys_values(View<T const, 2>, CachePlaces const&, KeyValueCache<T> const&, Stream) {
    fail_without_cuda("store_keys_values");
}
template <class T>
void cached_attention(
    View<T const, 2>, CachePlaces const&, KeyValueCache<T> const&, View<T, 2>, Stream
) {
    fail_without_cuda("cached_attention");
}
template <class T>
void gelu(View<T const, 2>, View<T, 2>, Stream) {
    fail_without_cuda("gelu");
}
template <class T>
void gelu_backward(View<T const, 2>, View<T const, 2>, View<T, 2>, Stream) {
    fail_without_cuda("gelu_backward");
}
template <class T>
void geglu(View<T const, 2>, View<T, 2>, Stream) {
    fail_without_cuda("geglu");
}
template <class T>
void geglu_backward(View<T const, 2>, View<T const, 2>, View<T, 2>, Stream) {
    fail_without_cuda("geglu_backward");
}
template <class T>
void swiglu(View<T const, 2>, View<T, 2>, Stream) {
    fail_without_cuda("swiglu");
}
template <class T>
void swiglu_backward(View<T const, 2>, View<T const, 2>, View<T, 2>, Stream) {
    fail_without_cuda("swiglu_backward");
}
template <class T>
void cross_entropy(View<T const, 2>, View<std::int32_t const, 1>, View<float, 1>, Stream) {
    fail_without_cuda("cross_entropy");
}
template <class T>
void cross_entropy_with_gradient(
    View<T, 2>, View<std::int32_t const, 1>, float, View<float, 1>, Stream
) {
    fail_without_cuda("cross_entropy_with_gradient");
}
void top_k_softmax(
    View<float const, 2>,
    View<std::int32_t const, 1>,
    View<float, 2>,
    View<float, 2>,
    View<std::int32_t, 2>,
    Stream
) {
    fail_without_cuda("top_k_softmax");
}
void top_k_softmax_backward(
    View<float const, 2>, View<std::int32_t const, 2>, View<float const, 2>, View<float, 2>, Stream
) {
    fail_without_cuda("top_k_softmax_backward");
}
template <class T>
void gather_rows(View<T const, 2>, View<std::int32_t const, 1>, View<T, 2>, Stream) {
    fail_without_cuda("gather_rows");
}
template <class T>
void gather_scaled_rows(
    View<T const, 2>, View<std::int32_t const, 1>, View<float const, 1>, View<T, 2>, Stream
) {
    fail_without_cuda("gather_scaled_rows");
}
template <class T>
void sum_rows(
    View<T const, 2>,
    View<std::int32_t const, 1>,
    View<std::int32_t const, 1>,
    View<float const, 1>,
    View<T, 2>,
    Stream
) {
    fail_without_cuda("sum_rows");
}
template <class T>
void row_dots(
    View<T const, 2>, View<std::int32_t const, 1>, View<T const, 2>, View<float, 1>, Stream
) {
    fail_without_cuda("row_dots");
}
template <class T>
void adamw(
    View<float const, 1>,
    AdamwStep const&,
    View<float, 1>,
    View<float, 1>,
    View<float, 1>,
    View<T, 1>,
    Stream
) {
    fail_without_cuda("adamw");
}
template <class X, class Y>
void cast(View<X const, 1>, View<Y, 1>, Stream) {
    fail_without_cuda("cast");
}
template <class X, class Y>
void add(View<X const, 1>, View<Y, 1>, Stream) {
    fail_without_cuda("add");
}
template <class T>
void scale(View<T, 1>, float, Stream) {
    fail_without_cuda("scale");
}
template <class T>
void fill(View<T, 1>, float, Stream) {
    fail_without_cuda("fill");
}
template <class T>
void add_bias(View<T, 2>, View<T const, 1>, Stream) {
    fail_without_cuda("add_bias");
}
template <class T>
void sum_columns(View<T const, 2>, View<float, 1>, Stream) {
    fail_without_cuda("sum_columns");
}
double sum_of_squares(View<float const, 1>, Stream) {
    fail_without_cuda("sum_of_squares");
}
void sum_of_squares(View<float const, 1>, Write, View<double, 1>, Stream) {
    fail_without_cuda("sum_of_squares");
}

template decltype(matmul_nt<float, float>) matmul_nt<float, float>;
template decltype(matmul_nt<bf16, bf16>) matmul_nt<bf16, bf16>;
template decltype(matmul_nt<bf16, float>) matmul_nt<bf16, float>;
template decltype(matmul_nn<float, float>) matmul_nn<float, float>;
template decltype(matmul_nn<bf16, bf16>) matmul_nn<bf16, bf16>;
template decltype(matmul_nn<bf16, float>) matmul_nn<bf16, float>;
template decltype(matmul_tn<float, float>) matmul_tn<float, float>;
template decltype(matmul_tn<bf16, bf16>) matmul_tn<bf16, bf16>;
template decltype(matmul_tn<bf16, float>) matmul_tn<bf16, float>;
template decltype(grouped_matmul_nt<float>) grouped_matmul_nt<float>;
template decltype(grouped_matmul_nt<bf16>) grouped_matmul_nt<bf16>;
template decltype(grouped_matmul_nn<float>) grouped_matmul_nn<float>;
template decltype(grouped_matmul_nn<bf16>) grouped_matmul_nn<bf16>;
template decltype(grouped_matmul_tn<float>) grouped_matmul_tn<float>;
template decltype(grouped_matmul_tn<bf16>) grouped_matmul_tn<bf16>;
template decltype(embed<float>) embed<float>;
template decltype(embed<bf16>) embed<bf16>;
template decltype(embed_backward<float>) embed_backward<float>;
template decltype(embed_backward<bf16>) embed_backward<bf16>;
template decltype(rms_norm<float>) rms_norm<float>;
template decltype(rms_norm<bf16>) rms_norm<bf16>;
template decltype(add_rms_norm<float>) add_rms_norm<float>;
template decltype(add_rms_norm<bf16>) add_rms_norm<bf16>;
template decltype(rms_norm_backward<float>) rms_norm_backward<float>;
template decltype(rms_norm_backward<bf16>) rms_norm_backward<bf16>;
template decltype(layer_norm<float>) layer_norm<float>;
template decltype(layer_norm<bf16>) layer_norm<bf16>;
template decltype(add_layer_norm<float>) add_layer_norm<float>;
template decltype(add_layer_norm<bf16>) add_layer_norm<bf16>;
template decltype(layer_norm_backward<float>) layer_norm_backward<float>;
template decltype(layer_norm_backward<bf16>) layer_norm_backward<bf16>;
template decltype(head_norm<float>) head_norm<float>;
template decltype(head_norm<bf16>) head_norm<bf16>;
template decltype(head_norm_backward<float>) head_norm_backward<float>;
template decltype(head_norm_backward<bf16>) head_norm_backward<bf16>;
template decltype(store_keys_values<float>) store_keys_values<float>;
template decltype(store_keys_values<bf16>) store_keys_values<bf16>;
template decltype(cached_attention<float>) cached_attention<float>;
template decltype(cached_attention<bf16>) cached_attention<bf16>;
template decltype(gelu<float>) gelu<float>;
template decltype(gelu<bf16>) gelu<bf16>;
template decltype(gelu_backward<float>) gelu_backward<float>;
template decltype(gelu_backward<bf16>) gelu_backward<bf16>;
template decltype(geglu<float>) geglu<float>;
template decltype(geglu<bf16>) geglu<bf16>;
template decltype(geglu_backward<float>) geglu_backward<float>;
template decltype(geglu_backward<bf16>) geglu_backward<bf16>;
template decltype(rotary<float>) rotary<float>;
template decltype(rotary<bf16>) rotary<bf16>;
template decltype(attention<float>) attention<float>;
template decltype(attention<bf16>) attention<bf16>;
template decltype(attention_backward<float>) attention_backward<float>;
template decltype(attention_backward<bf16>) attention_backward<bf16>;
template decltype(swiglu<float>) swiglu<float>;
template decltype(swiglu<bf16>) swiglu<bf16>;
template decltype(swiglu_backward<float>) swiglu_backward<float>;
template decltype(swiglu_backward<bf16>) swiglu_backward<bf16>;
template decltype(cross_entropy<float>) cross_entropy<float>;
template decltype(cross_entropy<bf16>) cross_entropy<bf16>;
template decltype(cross_entropy_with_gradient<float>) cross_entropy_with_gradient<float>;
template decltype(cross_entropy_with_gradient<bf16>) cross_entropy_with_gradient<bf16>;
template decltype(gather_rows<float>) gather_rows<float>;
template decltype(gather_rows<bf16>) gather_rows<bf16>;
template decltype(gather_scaled_rows<float>) gather_scaled_rows<float>;
template decltype(gather_scaled_rows<bf16>) gather_scaled_rows<bf16>;
template decltype(sum_rows<float>) sum_rows<float>;
template decltype(sum_rows<bf16>) sum_rows<bf16>;
template decltype(row_dots<float>) row_dots<float>;
template decltype(row_dots<bf16>) row_dots<bf16>;
template decltype(adamw<float>) adamw<float>;
template decltype(adamw<bf16>) adamw<bf16>;
template decltype(cast<float, float>) cast<float, float>;
template decltype(cast<float, bf16>) cast<float, bf16>;
template decltype(cast<bf16, float>) cast<bf16, float>;
template decltype(cast<bf16, bf16>) cast<bf16, bf16>;
template decltype(add<float, float>) add<float, float>;
template decltype(add<float, bf16>) add<float, bf16>;
template decltype(add<bf16, bf16>) add<bf16, bf16>;
template decltype(scale<float>) scale<float>;
template decltype(scale<bf16>) scale<bf16>;
template decltype(fill<float>) fill<float>;
template decltype(fill<bf16>) fill<bf16>;
template decltype(add_bias<float>) add_bias<float>;
template decltype(add_bias<bf16>) add_bias<bf16>;
template decltype(sum_columns<float>) sum_columns<float>;
template decltype(sum_columns<bf16>) sum_columns<bf16>;

}  // namespace isogloss::cuda
