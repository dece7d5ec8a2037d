// train/config.cpp
#include "train/config.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "train/rules.h"

namespace isogloss {
namespace {

void describe_routing(Options& options, TrainConfig& train) {
    options.add_choice(
        "train.routing", train.routing, {{"soft", RoutingMode::top_k}, {"hard", RoutingMode::hard}},
        "soft: the router's best experts; hard: the one whose group has the row's language"
    );
    options.add(
        "train.classification-coef", train.classification_coef,
        "weight of the router's loss of naming the language's expert (DMoE: 1.28)"
    );
    options.add(
        "train.balance-coef", train.balance_coef,
        "weight of the router's balance loss; soft routing only"
    );
    options.add_choice(
        "train.balance-scale", train.balance_scale,
        {{"one", BalanceScale::one}, {"top-k", BalanceScale::top_k}},
        "the balance loss at balance: 1, or the experts of a token (MoE-LPR as released)"
    );
    options.add(
        "train.priors-coef", train.priors_coef,
        "weight of the loss that keeps old languages on expert 0 (MoE-LPR, LayerMoE: 0.1)"
    );
    options.add_choice(
        "train.priors-form", train.priors_form,
        {{"plain", PriorsForm::plain}, {"released", PriorsForm::released}},
        "plain: -log p of expert 0; released: cross entropy that takes probabilities for logits"
    );
    options.add_choice(
        "train.priors-mean", train.priors_mean,
        {{"tokens", PriorsMean::tokens}, {"buckets", PriorsMean::buckets}},
        "over layers and tokens (MoE-LPR), or then over sets of layers with equally many experts "
        "(LayerMoE)"
    );
    options.add(
        "train.classifier-coef", train.classifier_coef,
        "weight of the classifiers' loss of telling old languages from new (LayerMoE: 0.1)"
    );
    options.add_choice(
        "train.classifiers", train.classifiers,
        {{"auto", Classifiers::automatic}, {"on", Classifiers::on}, {"off", Classifiers::off}},
        "ask the classifiers that the model has; auto: where train.classifier-coef > 0"
    );
    options.add_choice(
        "train.class-one-experts", train.class_one_experts,
        {{"all", ClassOneExperts::all}, {"old", ClassOneExperts::older}},
        "experts that a new language may choose in a layer with a classifier: all, or those before "
        "the newest generation"
    );
}

void describe_checkpoints(Options& options, TrainConfig& train) {
    options.add(
        "train.checkpoint-every", train.checkpoint_every,
        "steps; 0: only by train.checkpoint-minutes and at the end"
    );
    options.add(
        "train.checkpoint-minutes", train.checkpoint_minutes,
        "minutes of training; 0: only by train.checkpoint-every and at the end"
    );
    options.add_choice(
        "train.checkpoint-writing", train.checkpoint_writing,
        {{"background", CheckpointWriting::background}, {"wait", CheckpointWriting::wait}},
        "background: training goes on while a copy in host memory is written; wait: it stands "
        "still, and needs no such copy"
    );
    options.add(
        "train.keep-last", train.keep_last,
        "newest checkpoints that stay; 0: all. An older one goes when a newer one is complete"
    );
    options.add(
        "train.keep-every", train.keep_every,
        "steps; checkpoints of its multiples stay as well; 0: no others"
    );
}

void describe(Options& options, TrainConfig& train) {
    options.add("train.steps", train.steps, "updates in all, from the starting checkpoint");
    options.add("train.rows", train.rows, "rows a step, over all ranks");
    options.add(
        "train.micro-rows", train.micro_rows,
        "rows of one forward and backward, over all ranks; 0: all rows of the step"
    );
    options.add("train.row-length", train.row_length, "tokens a row");
    options.add("train.seed", train.seed, "of the data order");
    options.add("train.learning-rate", train.learning_rate, "highest, after the warm-up");
    options.add(
        "train.min-learning-rate", train.min_learning_rate, "at the end, as a share of the highest"
    );
    options.add("train.warmup-steps", train.warmup_steps, "steps of linear rise");
    options.add(
        "train.warmup-ratio", train.warmup_ratio,
        "share of the steps, rounded up; above 0 it replaces train.warmup-steps"
    );
    options.add_choice(
        "train.schedule", train.schedule,
        {{"cosine", Decay::cosine}, {"linear", Decay::linear}, {"constant", Decay::constant}},
        "after the warm-up"
    );
    options.add("train.beta1", train.beta1, "AdamW, decay of the first moment");
    options.add("train.beta2", train.beta2, "AdamW, decay of the second moment");
    options.add("train.epsilon", train.epsilon, "AdamW");
    options.add("train.weight-decay", train.weight_decay, "of matrices, decoupled");
    options.add("train.clip-norm", train.clip_norm, "largest norm of the gradient; 0: any");
    describe_routing(options, train);
    options.add_choice(
        "train.trainable", train.trainable,
        {{"stored", "stored"},
         {"all", "all"},
         {"experts", "experts"},
         {"new-experts", "new-experts"},
         {"experts-and-routers", "experts-and-routers"},
         {"routers", "routers"},
         {"backbone", "backbone"}},
        "what may change; stored: what the checkpoint says (after `expand apply`: new experts and "
        "routers); experts: those that the checkpoint trains; new-experts: of the newest "
        "generation; experts-and-routers: all experts; each of these with routers; routers: with "
        "classifiers"
    );
    options.add(
        "train.recompute", train.recompute, "run each block's forward twice, to keep less memory"
    );
    options.add(
        "train.max-not-finite", train.max_not_finite,
        "steps in a row with a loss or gradient that is not finite before giving up"
    );
    options.add("train.evaluate-every", train.evaluate_every, "steps; 0: only at the end");
    options.add(
        "train.evaluate-tokens", train.evaluate_tokens,
        "at most, of each language; 0: all there are"
    );
    describe_checkpoints(options, train);
    options.add("train.log-every", train.log_every, "steps between lines of log.txt");
}

void check_routing(TrainConfig const& train, Rules& rules) {
    auto const expect_weight = [&](char const* name, double value) {
        rules.expect(
            value >= 0.0 && std::isfinite(value), "train.{} = {}: must be a number >= 0", name,
            value
        );
    };
    expect_weight("balance-coef", train.balance_coef);
    expect_weight("classification-coef", train.classification_coef);
    expect_weight("priors-coef", train.priors_coef);
    expect_weight("classifier-coef", train.classifier_coef);
    rules.expect(
        train.classifier_coef == 0.0 || train.classifiers != Classifiers::off,
        "train.classifier-coef = {} with train.classifiers = off: a classifier that is not asked "
        "has no loss; give one of them",
        train.classifier_coef
    );
    rules.expect(
        train.routing == RoutingMode::top_k || !train.classify(),
        "train.routing = hard asks no classifier: leave out train.classifiers and "
        "train.classifier-coef"
    );
}

void check(TrainConfig const& train, int num_ranks, Rules& rules) {
    rules.expect(train.steps >= 1, "train.steps = {}: must be at least 1", train.steps);
    rules.expect(train.rows >= 1, "train.rows = {}: must be at least 1", train.rows);
    rules.expect(
        train.micro_rows >= 0 && (train.micro_rows == 0 || train.rows % train.micro_rows == 0),
        "train.micro-rows = {}: must divide train.rows = {}", train.micro_rows, train.rows
    );
    rules.expect(
        train.slice_rows() >= num_ranks,
        "train.{} = {}: fewer than the {} ranks of this job; use more rows or fewer ranks",
        train.micro_rows > 0 ? "micro-rows" : "rows", train.slice_rows(), num_ranks
    );
    rules.expect(
        train.row_length >= 1, "train.row-length = {}: must be at least 1", train.row_length
    );
    rules.expect(train.seed >= 0, "train.seed = {}: must be >= 0", train.seed);
    rules.expect(
        train.learning_rate > 0.0F, "train.learning-rate = {}: must be > 0", train.learning_rate
    );
    rules.expect(
        0.0F <= train.min_learning_rate && train.min_learning_rate <= 1.0F,
        "train.min-learning-rate = {}: is a share, so in [0, 1]", train.min_learning_rate
    );
    rules.expect(
        train.warmup_steps >= 0, "train.warmup-steps = {}: must be >= 0", train.warmup_steps
    );
    rules.expect(
        0.0F <= train.beta1 && train.beta1 < 1.0F, "train.beta1 = {}: must lie in [0, 1)",
        train.beta1
    );
    rules.expect(
        0.0F <= train.beta2 && train.beta2 < 1.0F, "train.beta2 = {}: must lie in [0, 1)",
        train.beta2
    );
    rules.expect(train.epsilon > 0.0F, "train.epsilon = {}: must be > 0", train.epsilon);
    rules.expect(
        train.weight_decay >= 0.0F, "train.weight-decay = {}: must be >= 0", train.weight_decay
    );
    rules.expect(train.clip_norm >= 0.0F, "train.clip-norm = {}: must be >= 0", train.clip_norm);
    rules.expect(
        0.0 <= train.warmup_ratio && train.warmup_ratio <= 1.0,
        "train.warmup-ratio = {}: is a share, so in [0, 1]", train.warmup_ratio
    );
    check_routing(train, rules);
    rules.expect(
        train.max_not_finite >= 1, "train.max-not-finite = {}: must be at least 1",
        train.max_not_finite
    );
    rules.expect(
        train.evaluate_every >= 0 && train.evaluate_tokens >= 0 && train.checkpoint_every >= 0 &&
            train.keep_last >= 0 && train.keep_every >= 0,
        "train.evaluate-every, train.evaluate-tokens, train.checkpoint-every, train.keep-last and "
        "train.keep-every must be >= 0"
    );
    rules.expect(
        train.checkpoint_minutes >= 0.0 && std::isfinite(train.checkpoint_minutes),
        "train.checkpoint-minutes = {}: must be a number >= 0", train.checkpoint_minutes
    );
    rules.expect(train.log_every >= 1, "train.log-every = {}: must be at least 1", train.log_every);
}

}  // namespace

void describe(Options& options, RunConfig& run, Presence needs) {
    describe(options, run.device);
    options.add("run.out", run.out, "run directory to make or to go on in", needs);
    options.add("run.from", run.from, "checkpoint to start from", needs);
    options.add_choice(
        "run.resume", run.resume, {{"latest", "latest"}, {"never", "never"}},
        "latest: go on after the newest checkpoint of run.out; never: refuse a directory that has "
        "one"
    );
    describe(options, run.data, needs);
    describe(options, run.train);
}

std::vector<std::string> problems(RunConfig const& run, int num_ranks) {
    Rules rules;
    check(run.data, run.train.slice_rows(), rules);
    check(run.train, num_ranks, rules);
    return rules.take();
}

std::int64_t TrainConfig::warmup() const {
    return warmup_ratio > 0.0
               ? static_cast<std::int64_t>(std::ceil(warmup_ratio * static_cast<double>(steps)))
               : warmup_steps;
}

bool TrainConfig::classify() const {
    return classifiers == Classifiers::on ||
           (classifiers == Classifiers::automatic && classifier_coef > 0.0);
}

}  // namespace isogloss
