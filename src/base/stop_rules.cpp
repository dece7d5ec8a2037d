// base/stop_rules.cpp
#include "base/stop_rules.h"

namespace isogloss {

void describe(Options& options, StopRules& rules) {
    options.add(
        "stop-after", rules.stop_after,
        "stop on request that long after the start (90s, 11h30m, 1-06:00:00); 0: never"
    );
    options.add_choice(
        "time-limit", rules.time_limit, {{"heed", TimeLimit::heed}, {"ignore", TimeLimit::ignore}},
        "heed: stop on request in time before the end of the Slurm job (SLURM_JOB_END_TIME)"
    );
    options.leave_out_of_record("stop-after");
    options.leave_out_of_record("time-limit");
}

}  // namespace isogloss
