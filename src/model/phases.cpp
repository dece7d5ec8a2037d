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
        case Phase::router: return "router";
        case Phase::dispatch: return "dispatch";
        case Phase::experts: return "experts";
        case Phase::combine: return "combine";
        case Phase::head: return "head";
        case Phase::count: break;
    }
    return "?";
}

}  // namespace isogloss
