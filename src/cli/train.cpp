// cli/train.cpp
#include "base/log.h"
#include "base/options.h"
#include "cli/stoppable.h"
#include "comm/world.h"
#include "train/run.h"

namespace isogloss {

Exit run_train(Arguments const& arguments, World const& world, Job& job) {
    RunConfig run;
    Options options(
        "train",
        "Trains a checkpoint on a corpus to the configured step, over as many jobs as that takes: "
        "a "
        "run directory that holds a checkpoint is gone on with. Asked to stop (SIGTERM, SIGUSR1, "
        "SIGUSR2, a "
        "file STOP in the run directory, a clock) it writes a checkpoint and ends with exit code "
        "75."
    );
    describe(options, run);
    job.describe(options);
    options.add_check([&] { return problems(run, world.comm().size()); });
    if (options.parse(arguments) == Parsed::help) {
        return print_help(options, world);
    }
    job.begin(options.resolved(), run.out);
    Log log(world.comm().rank());
    auto const result =
        run_training(run, options.resolved(), world, job.stop(), ProgressStyle::automatic, log);
    log.info("newest checkpoint: " + result.checkpoint.string());
    return result.exit;
}

}  // namespace isogloss
