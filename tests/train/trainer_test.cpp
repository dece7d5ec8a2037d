// train/trainer_test.cpp - whole runs of a tiny model: learning, resuming, freezing, stopping.
#include "train/trainer.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <functional>
#include <limits>

#include "base/hash.h"
#include "checkpoint/load.h"
#include "checkpoint/partial_checkpoint.h"
#include "checkpoint/run_checkpoints.h"
#include "checkpoint/save.h"
#include "moe/placement.h"
#include "support/all_ranks.h"
#include "support/byte_corpus.h"
#include "support/shared_folder.h"
#include "support/temporary_folder.h"
#include "train/data_order.h"

namespace isogloss {
namespace {

ModelConfig tiny_model() {
    ModelConfig config;
    config.vocab_size = test::kByteVocabulary;
    config.width = 16;
    config.num_heads = 2;
    config.num_kv_heads = 1;
    config.head_width = 8;
    config.ffn_hidden = 24;
    config.max_positions = 32;
    config.layers.resize(2);
    config.layers[1].experts.resize(3);
    return config;
}

RunConfig tiny_run(std::filesystem::path const& folder, std::string const& out) {
    RunConfig run;
    run.from = folder / "start";
    run.out = folder / out;
    run.data.corpus = folder / "corpus";
    run.train.steps = 12;
    run.train.rows = 8;
    run.train.micro_rows = 4;
    run.train.row_length = 16;
    run.train.learning_rate = 0.01F;
    run.train.warmup_steps = 2;
    run.train.checkpoint_every = 4;
    run.train.evaluate_tokens = 32;
    return run;
}

// All ranks on one node, or two nodes of half of them.
enum class Nodes : std::uint8_t { one, two };

Placement placement_of(ModelConfig const& config, MpiComm const& group, Nodes nodes = Nodes::one) {
    PlacementRequest request;
    request.experts_per_layer = config.experts_per_layer();
    request.num_ranks = group.size();
    request.ranks_per_node =
        nodes == Nodes::two && group.size() % 2 == 0 ? group.size() / 2 : group.size();
    return place_experts(request);
}

// Corpus and first checkpoint, by the ranks of `group`.
void prepare_start(
    std::filesystem::path const& folder, MpiComm const& group, ModelConfig const& config
) {
    if (group.rank() == 0) {
        test::write_byte_corpus(
            folder / "corpus",
            {{"el", {test::periodic_text("abcd", 700)}, {test::periodic_text("abcd", 60)}},
             {"hu", {test::periodic_text("xyz", 500)}, {test::periodic_text("xyz", 60)}}}
        );
    }
    MPI_Barrier(group.get());
    LanguageModel model(config, placement_of(config, group), group, {});
    initialise(model.parameters(), config, 5);
    CheckpointInfo info;
    info.tokenizer_kind = "bytes";
    info.tokenizer_sha256 = sha256("bytes");
    save_checkpoint(folder / "start", {config, model.parameters(), {}, nullptr}, info, group);
}

struct Outcome {
    Exit exit = Exit::internal;
    StoredCheckpoint checkpoint;
};

// One job of a run, from its newest checkpoint where it has one. `change` may spoil the model
// before the first step.
Outcome train(
    RunConfig const& run,
    MpiComm const& group,
    StopSignal const& stop,
    std::function<void(LanguageModel&)> const& change = {},
    Nodes nodes = Nodes::one
) {
    RunDirectory const directory(run.out);
    Corpus const corpus(run.data.corpus);
    auto const newest = latest_checkpoint(directory.checkpoints());
    auto const start = read_checkpoint(newest.value_or(run.from), group);
    auto const& info = start.manifest.info;
    TrainState state;
    if (newest) {
        state = {
            info.step, std::max<std::int64_t>(info.optimizer_step, 0), info.tokens_seen,
            has_scores(directory, info.step, group)};
    }
    Log log(group.rank());
    if (group.rank() == 0) {
        directory.prepare("options = of the test\n", log);
    }
    MPI_Barrier(group.get());
    auto config = start.manifest.config;
    apply_trainable(run.train.trainable, config);
    LanguageModel model(config, placement_of(config, group, nodes), group, {});
    load_weights(start, model.parameters(), HashCheck::compare, group);
    if (change) {
        change(model);
    }
    Optimizer optimizer(model.parameters());
    if (newest) {
        auto const pieces = state_pieces(model.parameters(), optimizer);
        load_optimizer(start, model.parameters(), pieces, HashCheck::compare, group);
    }
    auto const order = make_order(run, corpus, config);
    auto const labels = label_languages(run, corpus, config, info);
    Slices const slices{run.train.slice_rows(), run.train.num_slices()};
    Loader loader(corpus, order, slice_plan(slices, group.size(), group.rank(), state.step));
    RunRecord record(directory, run.train, state.step, ProgressStyle::none, log, group.rank());
    Trainer trainer(
        {run, directory, corpus, order, labels, model, optimizer, loader, record, log, stop, group},
        state, info, start
    );
    auto const exit = trainer.run();
    MPI_Barrier(group.get());  // what rank 0 wrote is read by all
    return {exit, trainer.checkpoint()};
}

// metrics.jsonl: the lines of steps, or those of evaluations.
std::vector<Json> metrics_of(RunConfig const& run, char const* key) {
    std::ifstream file(run.out / "metrics.jsonl");
    std::vector<Json> lines;
    for (std::string line; std::getline(file, line);) {
        auto value = Json::parse(line);
        if (value.contains(key)) {
            lines.push_back(std::move(value));
        }
    }
    return lines;
}

std::vector<double> losses_of(RunConfig const& run) {
    std::vector<double> losses;
    for (auto const& line : metrics_of(run, "loss")) {
        losses.push_back(line["loss"].get<double>());
    }
    return losses;
}

void copy_checkpoint(RunConfig const& from, RunConfig const& to, std::int64_t step, int rank) {
    if (rank == 0) {
        auto const name = step_folder(step);
        std::filesystem::create_directories(to.out / "checkpoints");
        std::filesystem::copy(
            from.out / "checkpoints" / name, to.out / "checkpoints" / name,
            std::filesystem::copy_options::recursive
        );
    }
    MPI_Barrier(MPI_COMM_WORLD);
}

// Repeating letters have next to no entropy, and random weights know nothing: about ln 257 nats.
TEST(TrainerTest, TheLossFalls) {
    test::SharedFolder const folder;
    auto const group = test::all_ranks();
    prepare_start(folder.path(), group, tiny_model());
    auto run = tiny_run(folder.path(), "run");
    run.train.steps = 40;
    StopSignal const stop;
    EXPECT_EQ(train(run, group, stop).exit, Exit::done);
    auto const losses = losses_of(run);
    ASSERT_EQ(losses.size(), 40U);
    EXPECT_NEAR(losses.front(), std::log(257.0), 0.2);
    EXPECT_LT(losses.back(), 0.5 * losses.front());
    auto const steps = metrics_of(run, "loss");
    EXPECT_EQ(steps.back()["step"], 40);
    EXPECT_EQ(steps.back()["tokens"], 40 * 8 * 16);
    EXPECT_TRUE(steps.back()["language_loss"].contains("el"));
    auto const scores = metrics_of(run, "valid_bits_per_byte");
    ASSERT_EQ(scores.size(), 1U);
    EXPECT_LT(scores[0]["valid_bits_per_byte"]["hu"], 4.0);
}

TEST(TrainerTest, ResumedEqualsUninterruptedBitForBit) {
    test::SharedFolder const folder;
    auto const group = test::all_ranks();
    prepare_start(folder.path(), group, tiny_model());
    StopSignal const stop;
    auto const straight = tiny_run(folder.path(), "straight");
    auto const first = train(straight, group, stop);
    ASSERT_EQ(first.exit, Exit::done);
    auto const resumed = tiny_run(folder.path(), "resumed");
    copy_checkpoint(straight, resumed, 8, group.rank());
    auto const second = train(resumed, group, stop);
    ASSERT_EQ(second.exit, Exit::done);

    EXPECT_EQ(first.checkpoint.manifest.info.step, 12);
    EXPECT_EQ(first.checkpoint.manifest.info.optimizer_step, 12);
    EXPECT_FALSE(first.checkpoint.manifest.shards.empty());
    EXPECT_EQ(first.checkpoint.manifest.shards, second.checkpoint.manifest.shards);
    EXPECT_EQ(first.checkpoint.manifest.tensors, second.checkpoint.manifest.tensors);
    for (auto const& shard : first.checkpoint.manifest.shards) {
        EXPECT_EQ(
            sha256_file(first.checkpoint.folder / shard.file),
            sha256_file(second.checkpoint.folder / shard.file)
        ) << shard.file;
    }
    auto const all = losses_of(straight);
    auto const after = losses_of(resumed);
    ASSERT_EQ(after.size(), 4U);
    EXPECT_TRUE(std::equal(after.begin(), after.end(), all.begin() + 8));
}

// Takes the scores of `step` out of metrics.jsonl, as if the job had been killed before them.
void forget_scores(RunConfig const& run, std::int64_t step, int rank) {
    if (rank == 0) {
        std::ifstream file(run.out / "metrics.jsonl");
        std::string kept;
        for (std::string line; std::getline(file, line);) {
            auto const metrics = Json::parse(line);
            bool const forgotten = metrics["step"] == step && !metrics.contains("loss");
            kept += forgotten ? "" : line + "\n";
        }
        test::write_content(run.out / "metrics.jsonl", kept);
    }
    MPI_Barrier(MPI_COMM_WORLD);
}

std::vector<std::int64_t> steps_with_scores(RunConfig const& run) {
    std::vector<std::int64_t> steps;
    for (auto const& line : metrics_of(run, "valid_bits_per_byte")) {
        steps.push_back(line["step"].get<std::int64_t>());
    }
    return steps;
}

TEST(TrainerTest, AValidationThatWasCutOffIsMadeUpFor) {
    test::SharedFolder const folder;
    auto const group = test::all_ranks();
    prepare_start(folder.path(), group, tiny_model());
    StopSignal const stop;
    auto run = tiny_run(folder.path(), "run");
    run.train.evaluate_every = 4;
    // Rank 0 writes the metrics that every rank reads here.
    auto const finish = [&] {
        auto const exit = train(run, group, stop).exit;
        MPI_Barrier(MPI_COMM_WORLD);
        return exit;
    };
    ASSERT_EQ(finish(), Exit::done);
    auto const all = std::vector<std::int64_t>{4, 8, 12};
    auto const scores = metrics_of(run, "valid_bits_per_byte");
    EXPECT_EQ(steps_with_scores(run), all);
    MPI_Barrier(MPI_COMM_WORLD);

    forget_scores(run, 12, group.rank());  // at the end
    EXPECT_EQ(steps_with_scores(run), (std::vector<std::int64_t>{4, 8}));
    ASSERT_EQ(finish(), Exit::done);
    EXPECT_EQ(steps_with_scores(run), all);
    EXPECT_EQ(metrics_of(run, "valid_bits_per_byte"), scores);
    EXPECT_EQ(losses_of(run).size(), 12U);
    MPI_Barrier(MPI_COMM_WORLD);

    forget_scores(run, 8, group.rank());  // and on the way
    MPI_Barrier(MPI_COMM_WORLD);
    if (group.rank() == 0) {
        std::filesystem::remove_all(run.out / "checkpoints" / step_folder(12));
    }
    MPI_Barrier(MPI_COMM_WORLD);
    ASSERT_EQ(finish(), Exit::done);
    EXPECT_EQ(steps_with_scores(run), all);
    EXPECT_EQ(metrics_of(run, "valid_bits_per_byte"), scores);

    ASSERT_EQ(finish(), Exit::done);  // nothing is done twice
    EXPECT_EQ(steps_with_scores(run), all);
}

// One rank is the reference for all of them. Gradients differ by roundings of float sums in another
// order, 2^-24 times a few hundred terms: 1e-5 of the larger elements. AdamW turns a gradient's
// relative error into the same share of a step of 0.01, and where the gradient is nothing but
// rounding, into a whole step in a direction the loss does not feel. Over 12 steps that is far
// below 1e-3 of the loss; another global batch or a missing mean changes it by 1e-1.
TEST(TrainerTest, AnyNumberOfRanksHasTheSameLossCurve) {
    test::SharedFolder const folder;
    auto const group = test::all_ranks();
    auto const alone = MpiComm::split(MPI_COMM_WORLD, group.rank(), 0);
    prepare_start(folder.path(), group, tiny_model());
    StopSignal const stop;
    auto const together = tiny_run(folder.path(), "together");
    ASSERT_EQ(train(together, group, stop).exit, Exit::done);
    auto const apart =
        tiny_run(folder.path(), "alone-" + std::to_string(group.rank()));  // each rank its own run
    ASSERT_EQ(train(apart, alone, stop).exit, Exit::done);
    auto const expected = losses_of(apart);
    auto const losses = losses_of(together);
    ASSERT_EQ(losses.size(), expected.size());
    for (std::size_t i = 0; i < losses.size(); ++i) {
        EXPECT_NEAR(losses[i], expected[i], 1e-3 * expected[i]) << "step " << i + 1;
    }
}

// A checkpoint of all ranks goes on on one, and ends where all ranks end.
TEST(TrainerTest, ARunGoesOnOnAnotherNumberOfRanks) {
    test::SharedFolder const folder;
    auto const group = test::all_ranks();
    auto const alone = MpiComm::split(MPI_COMM_WORLD, group.rank(), 0);
    prepare_start(folder.path(), group, tiny_model());
    StopSignal const stop;
    auto const together = tiny_run(folder.path(), "together");
    ASSERT_EQ(train(together, group, stop).exit, Exit::done);
    auto const moved = tiny_run(folder.path(), "moved");
    copy_checkpoint(together, moved, 8, group.rank());
    if (group.rank() == 0) {
        ASSERT_EQ(train(moved, alone, stop).exit, Exit::done);
    }
    MPI_Barrier(MPI_COMM_WORLD);
    auto const expected = losses_of(together);
    auto const losses = losses_of(moved);
    ASSERT_EQ(losses.size(), 4U);
    for (std::size_t i = 0; i < 4; ++i) {
        EXPECT_NEAR(losses[i], expected[8 + i], 1e-3 * expected[8 + i]) << "step " << i + 9;
    }
}

// Ranks go from all to half of them, to one, and back to all on other nodes, three steps each. The
// bound is that of AnyNumberOfRanksHasTheSameLossCurve; on one rank nothing is summed in another
// order, so that the bits are the same.
TEST(TrainerTest, ARunMovesFromRankToRankOnTheWay) {
    test::SharedFolder const folder;
    auto const all = test::all_ranks();
    prepare_start(folder.path(), all, tiny_model());
    StopSignal const stop;
    auto before = tiny_run(folder.path(), "0");
    before.train.checkpoint_every = 3;
    before.train.keep_last = 0;
    ASSERT_EQ(train(before, all, stop).exit, Exit::done);
    auto const expected = losses_of(before);
    ASSERT_EQ(expected.size(), 12U);
    for (auto const step : {3, 6, 9}) {
        int const size = step == 3 ? std::max(1, all.size() / 2) : step == 6 ? 1 : all.size();
        auto const is_in = all.rank() < size;
        auto const group = MpiComm::split(MPI_COMM_WORLD, is_in ? 0 : 1, 0);
        auto run = before;
        run.out = folder / std::to_string(step);
        copy_checkpoint(before, run, step, all.rank());
        if (is_in) {
            ASSERT_EQ(train(run, group, stop, {}, Nodes::two).exit, Exit::done);
        }
        MPI_Barrier(MPI_COMM_WORLD);
        auto const losses = losses_of(run);
        ASSERT_EQ(losses.size(), expected.size() - static_cast<std::size_t>(step));
        for (std::size_t i = 0; i < losses.size(); ++i) {
            auto const wanted = expected[static_cast<std::size_t>(step) + i];
            auto const bound = all.size() == 1 ? 0.0 : 1e-3 * wanted;
            EXPECT_NEAR(losses[i], wanted, bound) << "step " << i + 1 << " after " << step;
        }
        before = run;
    }
}

TEST(TrainerTest, AThreadSavesTheSameBytesAsTheLoop) {
    test::SharedFolder const folder;
    auto const group = test::all_ranks();
    prepare_start(folder.path(), group, tiny_model());
    StopSignal const stop;
    auto thread = tiny_run(folder.path(), "thread");
    thread.train.checkpoint_every = 1;  // every save comes while the one before may be under way
    thread.train.keep_last = 0;
    auto loop = thread;
    loop.out = folder / "loop";
    loop.train.checkpoint_writing = CheckpointWriting::wait;
    ASSERT_EQ(train(thread, group, stop).exit, Exit::done);
    ASSERT_EQ(train(loop, group, stop).exit, Exit::done);
    EXPECT_EQ(losses_of(thread), losses_of(loop));
    for (std::int64_t step = 1; step <= 12; ++step) {
        auto const name = std::filesystem::path("checkpoints") / step_folder(step);
        EXPECT_EQ(
            test::content_of(thread.out / name / "manifest.json"),
            test::content_of(loop.out / name / "manifest.json")
        ) << step;
        for (auto const& shard : read_checkpoint(thread.out / name).manifest.shards) {
            EXPECT_EQ(sha256_file(thread.out / name / shard.file), shard.sha256) << shard.file;
        }
    }
    for (auto const& run : {thread, loop}) {
        auto const lines = metrics_of(run, "checkpoint_seconds");
        ASSERT_EQ(lines.size(), 12U);
        EXPECT_EQ(lines[4]["step"], 5);
        EXPECT_GE(lines[4]["checkpoint_seconds"], 0.0);
        EXPECT_GT(lines[4]["checkpoint_bytes"], 0);
    }
    MPI_Barrier(MPI_COMM_WORLD);
}

TEST(TrainerTest, ARunKeepsTheCheckpointsThatItIsToldTo) {
    test::SharedFolder const folder;
    auto const group = test::all_ranks();
    prepare_start(folder.path(), group, tiny_model());
    StopSignal const stop;
    auto run = tiny_run(folder.path(), "run");
    run.train.checkpoint_every = 2;
    run.train.keep_last = 2;
    run.train.keep_every = 6;
    auto const outcome = train(run, group, stop);
    ASSERT_EQ(outcome.exit, Exit::done);
    MPI_Barrier(MPI_COMM_WORLD);  // rank 0 has removed what goes
    auto const root = run.out / "checkpoints";
    EXPECT_EQ(checkpoint_steps(root), (std::vector<std::int64_t>{6, 10, 12}));
    EXPECT_EQ(std::filesystem::read_symlink(root / "latest"), step_folder(12));
    EXPECT_EQ(outcome.checkpoint.folder, root / step_folder(12));
    auto const entries = std::distance(
        std::filesystem::directory_iterator(root), std::filesystem::directory_iterator()
    );
    EXPECT_EQ(entries, 4) << "something is left of those that went";
    MPI_Barrier(MPI_COMM_WORLD);
}

// So many minutes pass before the first step, and none do.
TEST(TrainerTest, TheClockAsksForCheckpointsToo) {
    test::SharedFolder const folder;
    auto const group = test::all_ranks();
    prepare_start(folder.path(), group, tiny_model());
    StopSignal const stop;
    auto run = tiny_run(folder.path(), "run");
    run.train.steps = 3;
    run.train.checkpoint_every = 0;
    run.train.checkpoint_minutes = 1e-12;
    ASSERT_EQ(train(run, group, stop).exit, Exit::done);
    EXPECT_EQ(checkpoint_steps(run.out / "checkpoints"), (std::vector<std::int64_t>{1, 2, 3}));
    run.out = folder / "never";
    run.train.checkpoint_minutes = 0.0;
    ASSERT_EQ(train(run, group, stop).exit, Exit::done);
    EXPECT_EQ(checkpoint_steps(run.out / "checkpoints"), (std::vector<std::int64_t>{3}));
    MPI_Barrier(MPI_COMM_WORLD);
}

TEST(TrainerTest, FrozenParametersKeepTheirBits) {
    test::SharedFolder const folder;
    auto const group = test::all_ranks();
    auto config = tiny_model();
    config.backbone_trainable = false;
    config.layers[0].experts[0].trainable = false;
    config.layers[1].experts[0].trainable = false;
    config.layers[1].experts[1].trainable = false;
    prepare_start(folder.path(), group, config);
    StopSignal const stop;
    auto const run = tiny_run(folder.path(), "run");
    auto const outcome = train(run, group, stop);
    ASSERT_EQ(outcome.exit, Exit::done);
    auto const start = read_checkpoint(run.from, group);
    int frozen = 0;
    int moved = 0;
    for (auto const& spec : parameter_specs(config)) {
        auto const* before = start.manifest.tensor(spec.name);
        auto const* after = outcome.checkpoint.manifest.tensor(spec.name);
        ASSERT_TRUE(before != nullptr && after != nullptr) << spec.name;
        EXPECT_EQ(before->sha256 == after->sha256, !spec.trainable) << spec.name;
        ++(spec.trainable ? moved : frozen);
    }
    EXPECT_EQ(moved, 3);  // the router, and both matrices of the last expert
    EXPECT_GT(frozen, 10);
    EXPECT_GT(outcome.checkpoint.manifest.bytes_linked, 0);
}

// el is expert 1's language, hu expert 2's, in the layer that has a router and a classifier.
ModelConfig grouped_model() {
    auto config = tiny_model();
    config.layers[1].experts[1] = {.generation = 1, .parent = 0, .group = "el"};
    config.layers[1].experts[2] = {.generation = 2, .parent = 0, .group = "hu"};
    config.layers[1].classifier.classes = 2;
    return config;
}

RunConfig hard_stage(std::filesystem::path const& folder, std::string const& out) {
    auto run = tiny_run(folder, out);
    run.data.order = OrderRule::group_chunks;
    run.data.chunk_rows = 4;
    run.train.routing = RoutingMode::hard;
    run.train.classification_coef = 1.28;
    run.train.trainable = "all";
    run.train.weight_decay = 0.0F;
    return run;
}

RunConfig review_stage(std::filesystem::path const& folder, std::string const& out) {
    auto run = tiny_run(folder, out);
    run.data.languages = {"hu"};
    run.data.replay_languages = {"el"};
    run.data.replay_documents = 1;
    run.data.old_languages = {"el"};
    run.train.balance_coef = 0.0;
    run.train.priors_coef = 0.1;
    run.train.classifier_coef = 0.1;
    run.train.trainable = "routers";
    return run;
}

// Which of the layer's experts moved, by their hashes.
std::vector<bool> experts_moved(RunConfig const& run, StoredCheckpoint const& after) {
    auto const before = read_checkpoint(run.from);
    std::vector<bool> moved;
    for (auto const* expert : {"0", "1", "2"}) {
        auto const name = std::string("layers.1.experts.") + expert + ".down.weight";
        moved.push_back(
            before.manifest.tensor(name)->sha256 != after.manifest.tensor(name)->sha256
        );
    }
    return moved;
}

// What the run says at its end is what its model says of hu with expert 2 everywhere.
void expect_hard_score(
    RunConfig const& run, StoredCheckpoint const& checkpoint, MpiComm const& group
) {
    auto const& config = checkpoint.manifest.config;
    LanguageModel model(config, placement_of(config, group), group, {});
    load_weights(checkpoint, model.parameters(), HashCheck::compare, group);
    Corpus const corpus(run.data.corpus);
    EvaluationRequest request;
    request.languages = {"hu"};
    request.row_length = run.train.row_length;
    request.max_tokens = run.train.evaluate_tokens;
    request.routing.mode = RoutingMode::hard;
    auto const scores = evaluate(model, corpus, request, group);
    auto const said = metrics_of(run, "valid_bits_per_byte");
    ASSERT_EQ(said.size(), 1U);
    // The same sums, cut into other passes: 2^-24 of each of some tens of losses.
    EXPECT_NEAR(said[0]["valid_bits_per_byte"]["hu"], scores->at(0).bits_per_byte(), 1e-4);
}

// Without decay a parameter that has no gradient keeps its bits, frozen or not; with decay only a
// frozen one does. All rows of hu go to expert 2.
TEST(TrainerTest, HardRowsTrainTheExpertOfTheirLanguage) {
    test::SharedFolder const folder;
    auto const group = test::all_ranks();
    prepare_start(folder.path(), group, grouped_model());
    StopSignal const stop;
    auto run = hard_stage(folder.path(), "released");
    run.data.languages = {"hu"};
    auto const released = train(run, group, stop);
    ASSERT_EQ(released.exit, Exit::done);
    EXPECT_EQ(experts_moved(run, released.checkpoint), (std::vector<bool>{false, false, true}));
    for (auto const& line : metrics_of(run, "loss")) {
        EXPECT_EQ(line["expert_shares"]["1"], (Json{0.0, 0.0, 1.0}));
    }
    auto const lines = metrics_of(run, "classification_loss");
    ASSERT_EQ(lines.size(), 12U);
    EXPECT_NEAR(lines.front()["classification_loss"], std::log(3.0), 0.2);  // random routers
    EXPECT_LT(lines.back()["classification_loss"], 0.5 * std::log(3.0));
    EXPECT_FALSE(lines.back().contains("priors_loss"));
    expect_hard_score(run, released.checkpoint, group);

    auto frozen = run;
    frozen.out = folder / "frozen";
    frozen.train.trainable = "new-experts";
    frozen.train.weight_decay = 0.5F;
    auto const adapted = train(frozen, group, stop);
    ASSERT_EQ(adapted.exit, Exit::done);
    EXPECT_EQ(experts_moved(frozen, adapted.checkpoint), (std::vector<bool>{false, false, true}));
    auto const start = read_checkpoint(frozen.from, group);
    for (auto const& spec : parameter_specs(adapted.checkpoint.manifest.config)) {
        EXPECT_EQ(
            start.manifest.tensor(spec.name)->sha256 ==
                adapted.checkpoint.manifest.tensor(spec.name)->sha256,
            !spec.trainable
        ) << spec.name;
    }
}

// The bound is that of AnyNumberOfRanksHasTheSameLossCurve.
void expect_same_curves(
    RunConfig const& a, RunConfig const& b, std::vector<char const*> const& of
) {
    for (auto const* key : of) {
        auto const left = metrics_of(a, key);
        auto const right = metrics_of(b, key);
        ASSERT_EQ(left.size(), 12U) << key;
        ASSERT_EQ(right.size(), 12U) << key;
        for (std::size_t i = 0; i < left.size(); ++i) {
            auto const expected = left[i][key].get<double>();
            EXPECT_TRUE(std::isfinite(expected)) << key;
            EXPECT_NEAR(right[i][key].get<double>(), expected, 1e-3 * expected + 1e-6)
                << key << " of step " << i + 1;
        }
    }
}

TEST(TrainerTest, StagesAreTheSameOnAnyNumberOfRanks) {
    test::SharedFolder const folder;
    auto const group = test::all_ranks();
    auto const alone = MpiComm::split(MPI_COMM_WORLD, group.rank(), 0);
    auto const own = "-" + std::to_string(group.rank());
    prepare_start(folder.path(), group, grouped_model());
    StopSignal const stop;
    auto const hard = hard_stage(folder.path(), "hard");
    auto const hard_alone = hard_stage(folder.path(), "hard" + own);
    ASSERT_EQ(train(hard, group, stop).exit, Exit::done);
    ASSERT_EQ(train(hard_alone, alone, stop).exit, Exit::done);
    expect_same_curves(hard_alone, hard, {"loss", "classification_loss"});
    auto const review = review_stage(folder.path(), "review");
    auto const review_alone = review_stage(folder.path(), "review" + own);
    ASSERT_EQ(train(review, group, stop).exit, Exit::done);
    ASSERT_EQ(train(review_alone, alone, stop).exit, Exit::done);
    expect_same_curves(review_alone, review, {"loss", "priors_loss", "classifier_loss"});
    auto const lines = metrics_of(review, "classifier_accuracy");
    ASSERT_EQ(lines.size(), 12U);
    for (auto const& line : lines) {
        EXPECT_GE(line["classifier_accuracy"], 0.0);
        EXPECT_LE(line["classifier_accuracy"], 1.0);
    }
}

// No data.languages means all but the replayed; all are scored.
TEST(TrainerTest, LearnedAndReplayedLanguagesAreScored) {
    test::SharedFolder const folder;
    auto const group = test::all_ranks();
    prepare_start(folder.path(), group, grouped_model());
    StopSignal const stop;
    auto run = review_stage(folder.path(), "run");
    run.data.languages.clear();
    ASSERT_EQ(train(run, group, stop).exit, Exit::done);
    auto const scores = metrics_of(run, "valid_bits_per_byte");
    ASSERT_EQ(scores.size(), 1U);
    EXPECT_TRUE(scores[0]["valid_bits_per_byte"].contains("el"));
    EXPECT_TRUE(scores[0]["valid_bits_per_byte"].contains("hu"));
}

TEST(TrainerTest, AStageGoesOnBitForBit) {
    test::SharedFolder const folder;
    auto const group = test::all_ranks();
    prepare_start(folder.path(), group, grouped_model());
    StopSignal const stop;
    for (auto const* stage : {"hard", "review"}) {
        auto const run_of = [&](std::string const& out) {
            return stage == std::string("hard") ? hard_stage(folder.path(), out)
                                                : review_stage(folder.path(), out);
        };
        auto const straight = run_of(std::string(stage) + "-straight");
        auto const first = train(straight, group, stop);
        ASSERT_EQ(first.exit, Exit::done);
        auto const resumed = run_of(std::string(stage) + "-resumed");
        copy_checkpoint(straight, resumed, 8, group.rank());
        auto const second = train(resumed, group, stop);
        ASSERT_EQ(second.exit, Exit::done);
        EXPECT_EQ(first.checkpoint.manifest.tensors, second.checkpoint.manifest.tensors) << stage;
    }
}

TEST(TrainerTest, NotFiniteIsSkippedNamedCountedAndEndsTheRun) {
    test::SharedFolder const folder;
    auto const group = test::all_ranks();
    prepare_start(folder.path(), group, tiny_model());
    StopSignal const stop;
    auto run = tiny_run(folder.path(), "run");
    run.train.max_not_finite = 3;
    auto const spoil = [&](LanguageModel& model) {
        auto& table = model.parameters();
        auto const index = table.index_of("layers.0.attention.output.weight");
        table.values<float>(index).data[3] = std::numeric_limits<float>::quiet_NaN();
    };
    EXPECT_EQ(train(run, group, stop, spoil).exit, Exit::diverged);
    EXPECT_FALSE(latest_checkpoint(run.out / "checkpoints").has_value());
    auto const steps = metrics_of(run, "applied");
    ASSERT_EQ(steps.size(), 3U);
    for (auto const& line : steps) {
        EXPECT_FALSE(line["applied"].get<bool>());
    }
    auto const log = test::content_of(run.out / "log.txt");
    EXPECT_NE(log.find("not applied (3 in a row)"), std::string::npos) << log;
    EXPECT_NE(log.find("languages el, hu"), std::string::npos) << log;
    EXPECT_EQ(log.find("not finite: none"), std::string::npos) << log;
}

TEST(TrainerTest, ARequestToOneRankStopsAllWithACheckpoint) {
    test::SharedFolder const folder;
    auto const group = test::all_ranks();
    prepare_start(folder.path(), group, tiny_model());
    auto const run = tiny_run(folder.path(), "run");
    {
        StopSignal stop;
        if (group.rank() == group.size() - 1) {
            stop.request();
        }
        EXPECT_EQ(train(run, group, stop).exit, Exit::stopped);
    }
    auto const newest = latest_checkpoint(run.out / "checkpoints");
    ASSERT_TRUE(newest.has_value());
    EXPECT_EQ(newest->filename(), step_folder(0));
    StopSignal const stop;
    EXPECT_EQ(train(run, group, stop).exit, Exit::done);  // and the run goes on
    EXPECT_EQ(losses_of(run).size(), 12U);
}

}  // namespace
}  // namespace isogloss
