// model/phases.h - where the time of a pass goes.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include "base/clock.h"

namespace isogloss {

/// Parts of a pass, forward and backward together.
enum class Phase : std::uint8_t {
    embed,
    norm,      ///< with the residual sums
    qkv,       ///< products and rotary
    attend,    ///< the softmax of queries and keys, and its product with the values
    output,    ///< product after attention
    experts,   ///< feed-forwards, with router and plan
    exchange,  ///< rows to their experts and back, waiting included
    head,      ///< logits and loss
    count
};

char const* name_of(Phase phase);

/// Gives every stretch of a pass to one phase, as laps of one watch.
class PhaseWatch {
public:
    void restart() {
        seconds_ = {};
        lap_.restart();
    }
    /// The time since the last lap was spent in `phase`.
    void lap(Phase phase) {
        add(phase, lap_.seconds());
        lap_.restart();
    }
    /// The same, but `elsewhere` of these seconds were spent in `other`.
    void lap(Phase phase, Phase other, double elsewhere) {
        add(phase, -elsewhere);
        add(other, elsewhere);
        lap(phase);
    }
    [[nodiscard]] double seconds(Phase phase) const {
        return seconds_[static_cast<std::size_t>(phase)];
    }

private:
    void add(Phase phase, double seconds) { seconds_[static_cast<std::size_t>(phase)] += seconds; }

    Timer lap_;
    std::array<double, static_cast<std::size_t>(Phase::count)> seconds_{};
};

}  // namespace isogloss
