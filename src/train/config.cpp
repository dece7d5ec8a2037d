// train/config.cpp
#include "train/config.h"

#include <algorithm>

#include "base/require.h"

namespace isogloss {
namespace {

void describe(Options& options, DataConfig& data) {
    options.add("data.corpus", data.corpus, "folder that `corpus build` made", Presence::required);
    options.add("data.languages", data.languages, "tags to train on; none: all of the corpus");
    options.add("data.weights", data.weights, "shares of the rows, one a language; none: by size");
    options.add(
        "data.temperature", data.temperature,
        "share of a language ~ its tokens^(1/temperature); large makes all equal"
    );
    options.add("data.replay-languages", data.replay_languages, "old languages to mix in");
    options.add(
        "data.replay-share", data.replay_share, "of all rows, over the replay languages, in [0, 1)"
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
    options.add("train.balance-coef", train.balance_coef, "weight of the router's balance loss");
    options.add_choice(
        "train.trainable", train.trainable,
        {{"stored", "stored"},
         {"all", "all"},
         {"experts", "experts"},
         {"routers", "routers"},
         {"backbone", "backbone"}},
        "what may change; stored: what the checkpoint says (after `expand apply`: new experts and "
        "routers)"
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
    options.add("train.checkpoint-every", train.checkpoint_every, "steps; 0: only at the end");
    options.add("train.log-every", train.log_every, "steps between lines of log.txt");
}

class Rules {
public:
    template <class... Args>
    void expect(bool holds, fmt::format_string<Args...> text, Args&&... args) {
        if (!holds) {
            faults_.push_back(fmt::format(text, std::forward<Args>(args)...));
        }
    }
    std::vector<std::string> take() { return std::move(faults_); }

private:
    std::vector<std::string> faults_;
};

void check(DataConfig const& data, Rules& rules) {
    rules.expect(
        data.weights.empty() || data.weights.size() == data.languages.size(),
        "data.weights has {} numbers for {} languages: give one a language", data.weights.size(),
        data.languages.size()
    );
    rules.expect(
        std::ranges::all_of(data.weights, [](double weight) { return weight > 0.0; }),
        "data.weights: every weight must be > 0"
    );
    rules.expect(data.temperature > 0.0, "data.temperature = {}: must be > 0", data.temperature);
    rules.expect(
        0.0 <= data.replay_share && data.replay_share < 1.0,
        "data.replay-share = {}: must lie in [0, 1)", data.replay_share
    );
    rules.expect(
        data.replay_languages.empty() == (data.replay_share == 0.0),
        "data.replay-share = {} with {} data.replay-languages: give both or none",
        data.replay_share, data.replay_languages.size()
    );
    for (auto const& language : data.languages) {
        rules.expect(
            std::ranges::count(data.languages, language) == 1, "data.languages: {} is named twice",
            language
        );
    }
    for (auto const& language : data.replay_languages) {
        rules.expect(
            std::ranges::count(data.languages, language) == 0,
            "data.replay-languages: {} is among data.languages too; name it once", language
        );
    }
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
        train.balance_coef >= 0.0F, "train.balance-coef = {}: must be >= 0", train.balance_coef
    );
    rules.expect(
        train.max_not_finite >= 1, "train.max-not-finite = {}: must be at least 1",
        train.max_not_finite
    );
    rules.expect(
        train.evaluate_every >= 0 && train.evaluate_tokens >= 0 && train.checkpoint_every >= 0,
        "train.evaluate-every, train.evaluate-tokens and train.checkpoint-every must be >= 0"
    );
    rules.expect(train.log_every >= 1, "train.log-every = {}: must be at least 1", train.log_every);
}

}  // namespace

void describe(Options& options, RunConfig& run) {
    options.add("run.out", run.out, "run directory to make or to go on in", Presence::required);
    options.add("run.from", run.from, "checkpoint to start from", Presence::required);
    options.add_choice(
        "run.resume", run.resume, {{"latest", "latest"}, {"never", "never"}},
        "latest: go on after the newest checkpoint of run.out; never: refuse a directory that has "
        "one"
    );
    describe(options, run.data);
    describe(options, run.train);
}

std::vector<std::string> problems(RunConfig const& run, int num_ranks) {
    Rules rules;
    check(run.data, rules);
    check(run.train, num_ranks, rules);
    return rules.take();
}

void apply_trainable(std::string const& rule, ModelConfig& model) {
    if (rule == "stored") {
        return;
    }
    bool const all = rule == "all";
    require_usage(
        all || rule == "experts" || rule == "routers" || rule == "backbone",
        "train.trainable = {}: must be stored, all, experts, routers or backbone", rule
    );
    model.backbone_trainable = all || rule == "backbone";
    model.routers_trainable = all || rule == "experts" || rule == "routers";
    for (auto& layer : model.layers) {
        for (auto& expert : layer.experts) {
            expert.trainable = all || (rule == "experts" && expert.trainable);
        }
    }
}

}  // namespace isogloss
