// cli/commands.cpp
#include "cli/commands.h"

#include <vector>

#include "cli/stoppable.h"

namespace isogloss {
namespace {

/// A stoppable command by itself, which heeds its own signals, files and clocks.
template <Exit (*run)(Arguments const&, World const&, Job&), Watched watched = Watched::yes>
Exit with_job(Arguments const& arguments, World const& world) {
    Job job(world, watched);
    auto const exit = run(arguments, world, job);
    job.end(exit);
    return exit;
}

}  // namespace

std::span<Command const> commands() {
    static std::vector<Command> const table{
        {"tokenizer train", "text -> SentencePiece model", run_tokenizer_train},
        {"tokenizer info", "kind, vocabulary, separator and hash", run_tokenizer_info},
        {"tokenizer encode", "lines of text -> ids, and back", run_tokenizer_encode},
        {"corpus build", "text -> tokens on disk, on many ranks",
         with_job<run_corpus_build, Watched::no>},
        {"corpus info", "languages of a corpus: documents, tokens, bytes, shares", run_corpus_info},
        {"corpus verify", "is a corpus as it was built?", run_corpus_verify},
        {"model create", "a checkpoint with random weights", run_model_create},
        {"model import", "a model of transformers -> a checkpoint", run_model_import},
        {"model export", "a checkpoint -> a model of transformers", run_model_export},
        {"model info", "what a checkpoint holds", run_model_info},
        {"model verify", "are a checkpoint's files as they were written?", run_model_verify},
        {"model diff", "which tensors of two checkpoints are equal", run_model_diff},
        {"train", "trains a model to the configured step; resumes where it was",
         with_job<run_train>},
        {"group probe", "which layers languages move, and which move them alike",
         with_job<run_group_probe>},
        {"group layers", "which layers get experts, from deviations",
         Command::OnFirst{run_group_layers}},
        {"group cluster", "which languages share an expert, from similarities",
         Command::OnFirst{run_group_cluster}},
        {"upcycle", "dense checkpoint -> one expert a group of languages", run_upcycle},
        {"expand allocate", "how many experts each layer gets, from similarities",
         Command::OnFirst{run_expand_allocate}},
        {"expand similarity", "how alike languages are, layer by layer",
         with_job<run_expand_similarity>},
        {"expand scan", "which expert serves new languages best", with_job<run_expand_scan>},
        {"expand apply", "adds experts for new languages, and classifiers", run_expand_apply},
        {"lifelong", "a plan: a base, then expansion after expansion", with_job<run_lifelong>},
        {"evaluate", "perplexity and bits per byte of each language", with_job<run_evaluate>},
        {"evaluate compare", "what two evaluations differ in: scores and routing",
         run_evaluate_compare},
        {"generate", "text from a checkpoint, to look at", run_generate},
        {"bench step", "times training steps, phase by phase", run_bench_step},
        {"bench loader", "reading windows of a corpus against a flat file", run_bench_loader},
        {"bench checkpoint", "saving and loading against a plain file", run_bench_checkpoint},
        {"bench dispatch", "time and bytes of a layer's exchanges", run_bench_dispatch},
        {"bench kernels", "times each operation of a step alone", run_bench_kernels},
    };
    return table;
}

}  // namespace isogloss
