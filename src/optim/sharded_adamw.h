// optim/sharded_adamw.h - AdamW for parameters that several ranks share, its state split among
// them.
#pragma once

#include <cstdint>
#include <vector>

#include "base/math.h"
#include "comm/mpi_comm.h"
#include "comm/stretch.h"
#include "device/buffer.h"
#include "device/view.h"
#include "kernels/adamw.h"
#include "kernels/write.h"

namespace isogloss {

/// One run of parameters that the same ranks hold, as the optimizer sees it.
struct OptimizedParameters {
    MpiComm const* group = nullptr;  ///< the ranks that hold them; outlives the optimizer
    DType dtype = DType::f32;
    void* values = nullptr;      ///< elements of dtype, as many as gradients; same on all ranks
    View<float, 1> gradients;    ///< [size] each rank's share of the gradient
    std::vector<Range> decayed;  ///< elements with weight decay: ascending, disjoint
};

/// AdamW with float master weights and moments, each rank keeping those of its own
/// even_part(size, ranks, rank) only (Rajbhandari et al., "ZeRO", arXiv:1910.02054, stage 1).
///
///     reduce_gradients(all, stream);   // own part: sum of the ranks' shares
///     begin_squares(all, stream);
///     double const norm = gradient_norm(...);
///     update_own(step, all, stream);
///     share_values(all, stream);       // own part given to all
///
/// The arithmetic is one element's at a time, so the values do not depend on the number of ranks
/// beyond the rounding of the gradients' sums. For float values the value is its own master.
class ShardedAdamw {
public:
    /// Moments 0, masters equal to the values. Not collective.
    explicit ShardedAdamw(OptimizedParameters parameters);

    [[nodiscard]] std::int64_t num_elements() const { return parameters_.gradients.size(); }
    /// Do several ranks hold the elements?
    [[nodiscard]] bool is_shared() const { return parameters_.group->size() > 1; }
    /// Elements whose state this rank keeps.
    [[nodiscard]] Range owned() const { return owned_; }

    [[nodiscard]] Range elements() const { return {0, num_elements()}; }

    /// Own part of these elements' gradients becomes the sum over the group, in rank order; the
    /// rest is undefined after. Collective over the group.
    void reduce_gradients(Range elements, Stream stream);
    /// Adds the squares of the own part of these elements' gradients, in double; the host does not
    /// wait. All calls of a step in one stream.
    void begin_squares(Range elements, Stream stream);
    /// Their sum since the last call, after what is in `stream`.
    [[nodiscard]] double take_sum_of_squares(Stream stream);

    /// One step of the own part of these elements. `step.weight_decay` counts for the decayed ones
    /// only.
    void update_own(AdamwStep const& step, Range elements, Stream stream);
    /// Then all ranks get all their new values. Collective over the group.
    void share_values(Range elements, Stream stream);
    /// Bytes of memory that an update of the own part reads and writes.
    [[nodiscard]] double bytes_of_update() const;

    /// State of the own part [owned().size()], to be saved or filled in.
    [[nodiscard]] View<float, 1> master() const { return master_; }
    [[nodiscard]] View<float, 1> first_moment() const { return first_moment_.view(); }
    [[nodiscard]] View<float, 1> second_moment() const { return second_moment_.view(); }

    /// Masters become the values (after the values were initialised or loaded without state).
    void take_masters_from_values();

private:
    [[nodiscard]] Stretch stretch_of(Range elements) const {
        return {elements.begin, elements.size(), num_elements()};
    }
    /// Those of the elements that are of the own part.
    [[nodiscard]] Range own_of(Range elements) const;
    template <class T>
    [[nodiscard]] View<T, 1> values() const;
    template <class T>
    void update_values(AdamwStep const& step, Range own, Stream stream);

    OptimizedParameters parameters_;
    Range owned_;
    Buffer<float> master_memory_;  ///< empty for float values
    View<float, 1> master_;
    Buffer<float> first_moment_;
    Buffer<float> second_moment_;
    Buffer<double> squares_;  ///< one sum
    Write next_square_ = Write::replace;
};

}  // namespace isogloss
