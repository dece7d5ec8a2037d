// train/run.cpp
#include "train/run.h"

#include <fmt/ranges.h>

#include <algorithm>
#include <optional>
#include <utility>

#include "base/file.h"
#include "checkpoint/attempt.h"
#include "checkpoint/load.h"
#include "checkpoint/run_checkpoints.h"
#include "comm/collective.h"
#include "train/data_order.h"
#include "train/mixture_plan.h"
#include "train/trainer.h"

namespace isogloss {
namespace {

// Where a run begins: its own newest checkpoint, or the one it was told to start from.
struct Start {
    StoredCheckpoint checkpoint;
    bool resumed = false;
    std::vector<DamagedCheckpoint> damaged = {};  ///< of the run, and newer
};

// A run that goes on hashes every file first, so that a damaged checkpoint costs one step back and
// not the job. One that has no step left to do reads next to nothing.
HashRule hash_rule(RunConfig const& run) {
    return [&run](Manifest const& manifest) {
        return manifest.info.step < run.train.steps ? HashCheck::compare : HashCheck::skip;
    };
}

// Collective over the world.
Start find_start(RunConfig const& run, RunDirectory const& directory, World const& world) {
    require_usage(
        run.resume == "latest" || !latest_checkpoint(directory.checkpoints(), world.comm()),
        "{} has a checkpoint already and run.resume = never; name another run.out",
        directory.root().string()
    );
    auto newest = newest_whole_checkpoint(directory.checkpoints(), hash_rule(run), world.comm());
    if (newest.whole) {
        return {std::move(*newest.whole), true, std::move(newest.damaged)};
    }
    require_data(
        newest.damaged.empty(),
        "{}: none of the {} checkpoints is whole; of the newest: {}; put one back from a copy, or "
        "name another run.out to begin again",
        directory.checkpoints().string(), newest.damaged.size(),
        fmt::join(
            newest.damaged.empty() ? std::vector<std::string>() : newest.damaged[0].problems, "; "
        )
    );
    return {.checkpoint = read_checkpoint(run.from, world.comm())};
}

// Says what is damaged, puts it aside, and makes `latest` name the checkpoint that the run goes on
// from. Collective over the world.
void tidy(Start const& start, Log& log, MpiComm const& world) {
    Attempt attempt;
    if (world.rank() == 0 && start.resumed) {
        attempt.run([&] {
            for (auto const& damaged : start.damaged) {
                set_aside(damaged.folder);
                log.warning(fmt::format(
                    "{} is damaged: {}; it is now {}.damaged, and the run goes on from the "
                    "checkpoint before it",
                    damaged.folder.string(), fmt::join(damaged.problems, "; "),
                    damaged.folder.filename().string()
                ));
            }
            if (auto const reason = point_latest(start.checkpoint.folder); !reason.empty()) {
                log.warning(reason);
            }
        });
    }
    attempt.agree(world);
}

void check_fit(RunConfig const& run, Corpus const& corpus, StoredCheckpoint const& checkpoint) {
    auto const& config = checkpoint.manifest.config;
    require_tokenizer(
        checkpoint, corpus.manifest().tokenizer_sha256, corpus.manifest().separator,
        "corpus " + corpus.directory().string()
    );
    require_data(
        corpus.manifest().vocab_size <= config.vocab_size,
        "{}: the corpus has a vocabulary of {}, the model one of {}", corpus.directory().string(),
        corpus.manifest().vocab_size, config.vocab_size
    );
    require_usage(
        run.train.row_length <= config.max_positions,
        "train.row-length = {}: the model takes at most {} positions", run.train.row_length,
        config.max_positions
    );
}

CheckpointInfo next_info(
    RunConfig const& run, std::string const& options, Corpus const& corpus, Start const& start
) {
    auto info = start.checkpoint.manifest.info;
    auto learned = run.data.languages;
    if (learned.empty()) {
        for (auto const& record : corpus.languages()) {
            learned.push_back(record.tag);
        }
    }
    for (auto const& tag : learned) {
        if (std::ranges::count(info.languages, tag) == 0) {
            info.languages.push_back(tag);
        }
    }
    info.options = options;
    info.separator = corpus.manifest().separator;
    if (!start.resumed) {
        info.parent = ParentRecord{
            .path = start.checkpoint.folder.string(),
            .manifest_sha256 = start.checkpoint.manifest_sha256};
    }
    return info;
}

// Collective over `world`.
TrainState first_state(Start const& start, RunDirectory const& directory, MpiComm const& world) {
    auto const& info = start.checkpoint.manifest.info;
    if (!start.resumed) {
        return {.tokens = info.tokens_seen};
    }
    return {
        .step = info.step,
        .updates = std::max<std::int64_t>(info.optimizer_step, 0),
        .tokens = info.tokens_seen,
        .is_evaluated = has_scores(directory, info.step, world)};
}

// Nothing is left to do: no step, and the last one has its scores.
bool is_finished(RunConfig const& run, Start const& start, TrainState const& state) {
    return start.resumed &&
           (state.step > run.train.steps || (state.step == run.train.steps && state.is_evaluated));
}

}  // namespace

Placement place_model(ModelConfig const& config, World const& world) {
    PlacementRequest request;
    request.experts_per_layer = config.experts_per_layer();
    request.num_ranks = world.comm().size();
    request.ranks_per_node = world.ranks_per_node();
    return place_experts(request);
}

RunResult run_training(
    RunConfig const& run,
    std::string const& options,
    World const& world,
    StopSignal const& stop,
    ProgressStyle style,
    Log& log
) {
    auto const& comm = world.comm();
    RunDirectory const directory(run.out);
    Corpus const corpus(run.data.corpus);
    auto const start = find_start(run, directory, world);
    check_fit(run, corpus, start.checkpoint);
    auto const state = first_state(start, directory, comm);
    if (is_finished(run, start, state)) {
        log.info(fmt::format(
            "{}: all {} steps are done", start.checkpoint.folder.string(), run.train.steps
        ));
        return {Exit::done, start.checkpoint.folder};
    }
    auto config = start.checkpoint.manifest.config;
    auto const order = make_order(run, corpus, config);
    auto const labels = label_languages(run, corpus, config, start.checkpoint.manifest.info);
    apply_trainable(run.train.trainable, config);
    if (comm.rank() == 0) {
        directory.prepare(options, log);
    }
    tidy(start, log, comm);

    take_device(run.device, world);
    LanguageModel model(
        config, place_model(config, world), comm,
        {.device = run.device.device, .recompute = run.train.recompute}
    );
    load_weights(start.checkpoint, model.parameters(), HashCheck::compare, comm);
    Optimizer optimizer(model.parameters());
    if (start.resumed) {
        load_optimizer(
            start.checkpoint, model.parameters(), state_pieces(model.parameters(), optimizer),
            HashCheck::skip, comm  // hashed by find_start, unless no step is left
        );
    }
    log.info(fmt::format(
        "{} from {} on {} rank{}: step {} to {}", start.resumed ? "going on" : "starting",
        start.checkpoint.folder.string(), comm.size(), comm.size() == 1 ? "" : "s", state.step,
        run.train.steps
    ));
    log.info(mixture_rule(run.data) + ", " + mixture_summary(plan_mixture(run, corpus, order)));
    Slices const slices{run.train.slice_rows(), run.train.num_slices()};
    Loader loader(corpus, order, slice_plan(slices, comm.size(), comm.rank(), state.step));
    RunRecord record(directory, run.train, state.step, style, log, comm.rank());
    Trainer trainer(
        {run, directory, corpus, order, labels, model, optimizer, loader, record, log, stop, comm},
        state, next_info(run, options, corpus, start), start.checkpoint
    );
    auto const exit = trainer.run();
    return {exit, trainer.checkpoint().folder};
}

}  // namespace isogloss
