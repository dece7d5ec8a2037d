// model/phases.h - where the time of a pass goes.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

#include "device/moment.h"

namespace isogloss {

/// Parts of a pass, forward and backward together.
enum class Phase : std::uint8_t {
    embed,
    norm,      ///< with the residual sums
    qkv,       ///< products and rotary
    attend,    ///< the softmax of queries and keys, and its product with the values
    output,    ///< product after attention
    experts,   ///< feed-forwards, with router and plan
    exchange,  ///< rows to their experts and back, waiting included; on a GPU part of `experts`
    head,      ///< logits and loss
    count
};

char const* name_of(Phase phase);

/// Gives every stretch of a pass to one phase, as laps of one watch.
class PhaseWatch {
public:
    using Seconds = std::array<double, static_cast<std::size_t>(Phase::count)>;

    explicit PhaseWatch(Device device) : device_(device) {}

    void restart();
    /// The time since the last lap was spent in `phase`.
    void lap(Phase phase);
    /// The same, but `elsewhere` of these seconds were spent in `other`; not told apart on a GPU.
    void lap(Phase phase, Phase other, double elsewhere);
    /// Since the restart. On a GPU the host waits for the last lap.
    [[nodiscard]] Seconds seconds() const;

private:
    struct Elsewhere {
        Phase from;
        Phase to;
        double seconds;
    };

    Device device_;
    std::vector<std::pair<Phase, Moment>> laps_;  ///< the first is the restart
    std::vector<Elsewhere> elsewhere_;
};

}  // namespace isogloss
