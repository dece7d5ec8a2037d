// train/probe_config.cpp
#include "train/probe_config.h"

#include <fmt/format.h>

#include <algorithm>

namespace isogloss {

std::vector<std::string> problems(ProbeConfig const& config, int num_ranks) {
    std::vector<std::string> faults;
    auto const expect = [&](bool holds, std::string const& text) {
        if (!holds) {
            faults.push_back(text);
        }
    };
    expect(
        config.steps >= 1 && config.rows >= 1 && config.row_length >= 1 && config.micro_rows >= 1,
        fmt::format(
            "steps = {}, rows = {}, micro-rows = {} and row-length = {} must be at least 1",
            config.steps, config.rows, config.micro_rows, config.row_length
        )
    );
    expect(
        config.micro_rows < 1 || config.rows % config.micro_rows == 0,
        fmt::format("micro-rows = {}: must divide rows = {}", config.micro_rows, config.rows)
    );
    expect(
        config.documents >= 0 && config.seed >= 0,
        fmt::format("documents = {} and seed = {} must be >= 0", config.documents, config.seed)
    );
    expect(
        config.learning_rate > 0.0F,
        fmt::format("learning-rate = {}: must be > 0", config.learning_rate)
    );
    expect(
        config.similarity_layers >= 0,
        fmt::format("similarity-layers = {}: must be >= 0", config.similarity_layers)
    );
    auto const ranks = config.ranks_per_language;
    expect(
        ranks >= 1 && num_ranks % std::max<std::int64_t>(ranks, 1) == 0,
        fmt::format(
            "ranks-per-language = {}: must divide the {} ranks of this job", ranks, num_ranks
        )
    );
    expect(
        ranks <= config.micro_rows,
        fmt::format(
            "micro-rows = {}: fewer than the {} ranks of a language; use more rows or fewer ranks",
            config.micro_rows, ranks
        )
    );
    for (auto const& tag : config.languages) {
        expect(
            std::ranges::count(config.languages, tag) == 1,
            fmt::format("languages: {} is named twice", tag)
        );
    }
    return faults;
}

RunConfig probe_run(ProbeConfig const& config, std::string const& language) {
    RunConfig run;
    run.from = config.from;
    run.data.corpus = config.corpus;
    run.data.languages = {language};
    run.data.documents = config.documents;
    auto& train = run.train;
    train.steps = config.steps;
    train.rows = config.rows;
    train.micro_rows = config.micro_rows;
    train.row_length = config.row_length;
    train.seed = config.seed;
    train.learning_rate = config.learning_rate;
    train.min_learning_rate = 0.0F;
    train.warmup_steps = 0;
    train.schedule = Decay::linear;
    train.beta1 = 0.9F;
    train.beta2 = 0.999F;
    train.epsilon = 1e-8F;
    train.weight_decay = 0.0F;
    train.clip_norm = 1.0F;
    train.balance_coef = 0.0;
    train.trainable = "all";
    return run;
}

}  // namespace isogloss
