// cli/commands.h - the commands of the program, one file each.
#pragma once

#include <span>

#include "cli/command.h"

namespace isogloss {

/// All commands, in the order of `isogloss --help`. A new one: its function here, its line in
/// commands.cpp, its code in a file of its own.
std::span<Command const> commands();

Exit run_tokenizer_train(Arguments const& arguments);
Exit run_tokenizer_info(Arguments const& arguments);
Exit run_tokenizer_encode(Arguments const& arguments);
Exit run_corpus_info(Arguments const& arguments);
Exit run_corpus_verify(Arguments const& arguments);
Exit run_model_create(Arguments const& arguments, World const& world);
Exit run_model_import(Arguments const& arguments, World const& world);
Exit run_model_export(Arguments const& arguments, World const& world);
Exit run_model_info(Arguments const& arguments);
Exit run_model_verify(Arguments const& arguments);
Exit run_model_diff(Arguments const& arguments);
Exit run_upcycle(Arguments const& arguments);
Exit run_group_layers(Arguments const& arguments);
Exit run_group_cluster(Arguments const& arguments);
Exit run_expand_allocate(Arguments const& arguments);
Exit run_expand_apply(Arguments const& arguments);
Exit run_evaluate_compare(Arguments const& arguments);
Exit run_generate(Arguments const& arguments, World const& world);
Exit run_bench_step(Arguments const& arguments, World const& world);
Exit run_bench_loader(Arguments const& arguments);
Exit run_bench_checkpoint(Arguments const& arguments, World const& world);
Exit run_bench_dispatch(Arguments const& arguments, World const& world);
Exit run_bench_kernels(Arguments const& arguments);

}  // namespace isogloss
