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

}  // namespace isogloss
