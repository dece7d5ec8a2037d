// kernels/embedding.cpp
#include "kernels/embedding.h"

#include "kernels/backend.h"
#include "kernels/checks.h"

namespace isogloss {

template <class T>
void embed(View<std::int32_t const, 1> token, View<T const, 2> table, View<T, 2> y, Stream stream) {
    require_shape("embed: y", y, {token.shape[0], table.shape[1]});
    require_one_device("embed", token, table, y);
    switch (token.device) {
        case Device::cpu: return cpu::embed(token, table, y, stream);
        case Device::cuda: return cuda::embed(token, table, y, stream);
    }
}

template <class T>
void embed_backward(
    View<std::int32_t const, 1> token, View<T const, 2> dy, View<float, 2> dtable, Stream stream
) {
    require_shape("embed_backward: dy", dy, {token.shape[0], dtable.shape[1]});
    require_one_device("embed_backward", token, dy, dtable);
    switch (token.device) {
        case Device::cpu: return cpu::embed_backward(token, dy, dtable, stream);
        case Device::cuda: return cuda::embed_backward(token, dy, dtable, stream);
    }
}

template decltype(embed<float>) embed<float>;
template decltype(embed<bf16>) embed<bf16>;
template decltype(embed_backward<float>) embed_backward<float>;
template decltype(embed_backward<bf16>) embed_backward<bf16>;

}  // namespace isogloss
