// kernels/attention.cpp
#include "kernels/attention.h"

#include "kernels/backend.h"
#include "kernels/checks.h"

namespace isogloss {
namespace {

template <class T>
void require_attention_shape(
    View<T const, 2> qkv, View<std::int32_t const, 1> document_start, AttentionShape const& s
) {
    require(
        s.rows >= 0 && s.row_length >= 0 && s.kv_heads > 0 && s.heads % s.kv_heads == 0 &&
            s.head_width > 0,
        "attention: {} rows of {} tokens, {} heads, {} key and value heads, width {}", s.rows,
        s.row_length, s.heads, s.kv_heads, s.head_width
    );
    std::int64_t const tokens = s.rows * s.row_length;
    require_shape("attention: qkv", qkv, {tokens, (s.heads + 2 * s.kv_heads) * s.head_width});
    require_shape("attention: document_start", document_start, {tokens});
    require_one_device("attention", qkv, document_start);
    if (s.slope.data != nullptr) {
        require_shape("attention: slope", s.slope, {s.heads});
        require_one_device("attention", qkv, s.slope);
    }
}

}  // namespace

template <class T>
void attention(
    View<T const, 2> qkv,
    View<std::int32_t const, 1> document_start,
    AttentionShape const& shape,
    View<T, 2> out,
    View<float, 2> log_sum,
    Stream stream
) {
    require_attention_shape(qkv, document_start, shape);
    require_shape("attention: out", out, {qkv.shape[0], shape.heads * shape.head_width});
    require_shape("attention: log_sum", log_sum, {qkv.shape[0], shape.heads});
    require_one_device("attention", qkv, out, log_sum);
    switch (qkv.device) {
        case Device::cpu: return cpu::attention(qkv, document_start, shape, out, log_sum, stream);
        case Device::cuda: return cuda::attention(qkv, document_start, shape, out, log_sum, stream);
    }
}

template <class T>
void attention_backward(
    View<T const, 2> qkv,
    View<std::int32_t const, 1> document_start,
    AttentionShape const& shape,
    View<T const, 2> out,
    View<float const, 2> log_sum,
    View<T const, 2> dout,
    View<T, 2> dqkv,
    Stream stream
) {
    require_attention_shape(qkv, document_start, shape);
    require_shape("attention_backward: out", out, {qkv.shape[0], shape.heads * shape.head_width});
    require_shape("attention_backward: log_sum", log_sum, {qkv.shape[0], shape.heads});
    require_shape("attention_backward: dout", dout, out.shape);
    require_shape("attention_backward: dqkv", dqkv, qkv.shape);
    require_one_device("attention_backward", qkv, out, log_sum, dout, dqkv);
    switch (qkv.device) {
        case Device::cpu:
            return cpu::attention_backward(
                qkv, document_start, shape, out, log_sum, dout, dqkv, stream
            );
        case Device::cuda:
            return cuda::attention_backward(
                qkv, document_start, shape, out, log_sum, dout, dqkv, stream
            );
    }
}

template decltype(attention<float>) attention<float>;
template decltype(attention<bf16>) attention<bf16>;
template decltype(attention_backward<float>) attention_backward<float>;
template decltype(attention_backward<bf16>) attention_backward<bf16>;

}  // namespace isogloss
