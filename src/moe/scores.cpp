// moe/scores.cpp
#include "moe/scores.h"

#include "base/require.h"

namespace isogloss {

template <class T>
void score(
    View<T const, 2> x,
    View<float const, 2> weight,
    View<float, 2> logits,
    Arena& arena,
    Stream stream
) {
    require(
        x.shape[1] == weight.shape[1] && logits.shape[0] == x.shape[0] &&
            logits.shape[1] == weight.shape[0],
        "score: x is [{}, {}], the router [{}, {}], logits [{}, {}]", x.shape[0], x.shape[1],
        weight.shape[0], weight.shape[1], logits.shape[0], logits.shape[1]
    );
    switch (x.device) {
        case Device::cpu: return cpu::score<T>(x, weight, logits, arena);
        case Device::cuda: return cuda::score<T>(x, weight, logits, stream);
    }
}

template <class T>
void score_weights(
    View<float const, 2> dlogits,
    View<T const, 2> x,
    View<float, 2> dweight,
    Arena& arena,
    Stream stream
) {
    require(
        x.shape[0] == dlogits.shape[0] && dweight.shape[0] == dlogits.shape[1] &&
            dweight.shape[1] == x.shape[1],
        "score_weights: dlogits [{}, {}], x [{}, {}], dweight [{}, {}]", dlogits.shape[0],
        dlogits.shape[1], x.shape[0], x.shape[1], dweight.shape[0], dweight.shape[1]
    );
    switch (x.device) {
        case Device::cpu: return cpu::score_weights<T>(dlogits, x, dweight, arena);
        case Device::cuda: return cuda::score_weights<T>(dlogits, x, dweight, stream);
    }
}

template <class T>
void score_inputs(
    View<float const, 2> dlogits,
    View<float const, 2> weight,
    View<T, 2> dx,
    Arena& arena,
    Stream stream
) {
    require(
        dx.shape[0] == dlogits.shape[0] && weight.shape[0] == dlogits.shape[1] &&
            weight.shape[1] == dx.shape[1],
        "score_inputs: dlogits [{}, {}], the router [{}, {}], dx [{}, {}]", dlogits.shape[0],
        dlogits.shape[1], weight.shape[0], weight.shape[1], dx.shape[0], dx.shape[1]
    );
    switch (dx.device) {
        case Device::cpu: return cpu::score_inputs<T>(dlogits, weight, dx, arena);
        case Device::cuda: return cuda::score_inputs<T>(dlogits, weight, dx, stream);
    }
}

#define ISOGLOSS_INSTANTIATE(T)                                                                  \
    template void score(View<T const, 2>, View<float const, 2>, View<float, 2>, Arena&, Stream); \
    template void score_weights(                                                                 \
        View<float const, 2>, View<T const, 2>, View<float, 2>, Arena&, Stream                   \
    );                                                                                           \
    template void score_inputs(                                                                  \
        View<float const, 2>, View<float const, 2>, View<T, 2>, Arena&, Stream                   \
    )
ISOGLOSS_INSTANTIATE(float);
ISOGLOSS_INSTANTIATE(bf16);
#undef ISOGLOSS_INSTANTIATE

}  // namespace isogloss
