// optim/sharded_adamw.cpp
#include "optim/sharded_adamw.h"

#include <algorithm>
#include <utility>

#include "base/require.h"
#include "comm/collective.h"
#include "device/copy.h"
#include "kernels/elementwise.h"

namespace isogloss {
namespace {

template <class T>
View<T, 1> part(View<T, 1> x, Range range) {
    return x.rows(range.begin, range.end);
}

// Runs of `whole` in turn, with and without decay.
struct Run {
    Range range;
    bool decays = false;
};

std::vector<Run> runs_of(Range whole, std::vector<Range> const& decayed) {
    std::vector<Run> runs;
    std::int64_t at = whole.begin;
    for (auto const& range : decayed) {
        Range const inside{
            std::clamp(range.begin, at, whole.end), std::clamp(range.end, at, whole.end)};
        if (inside.begin > at) {
            runs.push_back({{at, inside.begin}, false});
        }
        if (inside.size() > 0) {
            runs.push_back({inside, true});
        }
        at = inside.end;
    }
    if (whole.end > at) {
        runs.push_back({{at, whole.end}, false});
    }
    return runs;
}

}  // namespace

ShardedAdamw::ShardedAdamw(OptimizedParameters parameters) : parameters_(std::move(parameters)) {
    auto const& group = *parameters_.group;
    auto const device = parameters_.gradients.device;
    require(
        parameters_.dtype == DType::f32 || parameters_.dtype == DType::bf16,
        "optimizer: values are {}, must be f32 or bf16", name_of(parameters_.dtype)
    );
    owned_ = even_part(parameters_.gradients.size(), group.size(), group.rank());
    first_moment_ = Buffer<float>(device, owned_.size());
    second_moment_ = Buffer<float>(device, owned_.size());
    squares_ = Buffer<double>(device, 1);
    if (parameters_.dtype == DType::f32) {
        master_ = part(values<float>(), owned_);
    } else {
        master_memory_ = Buffer<float>(device, owned_.size());
        master_ = master_memory_.view();
    }
    take_masters_from_values();
}

void ShardedAdamw::reduce_gradients(Range elements, Stream stream) {
    reduce_scatter_sum(
        part(parameters_.gradients, elements), stretch_of(elements), *parameters_.group, stream
    );
}

void ShardedAdamw::begin_squares(Range elements, Stream stream) {
    auto const own = own_of(elements);
    if (own.size() > 0) {
        sum_of_squares(
            part(parameters_.gradients, own), std::exchange(next_square_, Write::add),
            squares_.view(), stream
        );
    }
}

Range ShardedAdamw::own_of(Range elements) const {
    auto const& group = *parameters_.group;
    auto const own = stretch_of(elements).of_rank(group.size(), group.rank());
    return {elements.begin + own.begin, elements.begin + own.end};
}

double ShardedAdamw::take_sum_of_squares(Stream stream) {
    if (std::exchange(next_square_, Write::replace) == Write::replace) {
        return 0.0;
    }
    Buffer<double> room;
    return on_host(squares_.view(), room, stream).data[0];
}

void ShardedAdamw::update_own(AdamwStep const& step, Range elements, Stream stream) {
    auto const own = own_of(elements);
    if (parameters_.dtype == DType::f32) {
        update_values<float>(step, own, stream);
    } else {
        update_values<bf16>(step, own, stream);
    }
}

void ShardedAdamw::share_values(Range elements, Stream stream) {
    auto const share = [&](auto values) {
        all_gather(part(values, elements), stretch_of(elements), *parameters_.group, stream);
    };
    parameters_.dtype == DType::f32 ? share(values<float>()) : share(values<bf16>());
}

double ShardedAdamw::bytes_of_update() const {
    // Gradient read, two moments and the master read and written, and a value beside the master.
    double const bytes = 7.0 * sizeof(float) + (parameters_.dtype == DType::f32 ? 0 : sizeof(bf16));
    return bytes * static_cast<double>(owned_.size());
}

void ShardedAdamw::take_masters_from_values() {
    if (parameters_.dtype == DType::bf16) {
        cast<bf16, float>(part(values<bf16>(), owned_), master_, Stream{});
    }
}

template <class T>
View<T, 1> ShardedAdamw::values() const {
    return {
        static_cast<T*>(parameters_.values), parameters_.gradients.shape,
        parameters_.gradients.device};
}

template <class T>
void ShardedAdamw::update_values(AdamwStep const& step, Range own, Stream stream) {
    for (auto const& [range, decays] : runs_of(own, parameters_.decayed)) {
        auto its_step = step;
        its_step.weight_decay = decays ? step.weight_decay : 0.0F;
        Range const in_state{range.begin - owned_.begin, range.end - owned_.begin};
        adamw<T>(
            part(parameters_.gradients, range), its_step, part(master_, in_state),
            part(first_moment_.view(), in_state), part(second_moment_.view(), in_state),
            part(values<T>(), range), stream
        );
    }
}

}  // namespace isogloss
