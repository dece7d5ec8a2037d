// model/phases.cpp
#include "model/phases.h"

namespace isogloss {

char const* name_of(Phase phase) {
    switch (phase) {
        case Phase::embed: return "embed";
        case Phase::norm: return "norm";
        case Phase::qkv: return "qkv";
        case Phase::attend: return "attend";
        case Phase::output: return "output";
        case Phase::experts: return "experts";
        case Phase::exchange: return "exchange";
        case Phase::head: return "head";
        case Phase::count: break;
    }
    return "?";
}

void PhaseWatch::restart() {
    laps_.clear();
    elsewhere_.clear();
    lap(Phase::count);
}

void PhaseWatch::lap(Phase phase) {
    laps_.emplace_back(phase, Moment(device_, Stream{}));
}

void PhaseWatch::lap(Phase phase, Phase other, double elsewhere) {
    if (device_ == Device::cpu) {
        elsewhere_.push_back({phase, other, elsewhere});
    }
    lap(phase);
}

PhaseWatch::Seconds PhaseWatch::seconds() const {
    Seconds seconds{};
    for (std::size_t i = laps_.size(); i-- > 1;) {  // the last first: the others are done then
        auto const& [phase, end] = laps_[i];
        seconds[static_cast<std::size_t>(phase)] += end.seconds_since(laps_[i - 1].second);
    }
    for (auto const& [from, to, moved] : elsewhere_) {
        seconds[static_cast<std::size_t>(from)] -= moved;
        seconds[static_cast<std::size_t>(to)] += moved;
    }
    return seconds;
}

}  // namespace isogloss
