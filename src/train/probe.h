// train/probe.h - short fine-tunes of one base model, language by language: which layers move, and
// which languages move them alike.
#pragma once

#include <string>
#include <vector>

#include "base/log.h"
#include "base/progress.h"
#include "base/stop.h"
#include "comm/mpi_comm.h"
#include "train/probe_config.h"
#include "train/probe_file.h"

namespace isogloss {

struct ProbeResult {
    Exit exit = Exit::done;
    std::vector<std::string> languages;
    std::vector<ProbeRecord> records;  ///< one a language; only on rank 0, only when written
};

/// Probes the languages that `out` has no file of, ranks_per_language ranks each, and keeps a file
/// a language, written whole or not at all: a run that was stopped goes on with those that are
/// missing. Then writes OUT/deviation.json and OUT/similarity.json, unless those are left to
/// another run. Weights are held as f32, whatever the checkpoint's type. Collective over the world.
/// @throws Error  (usage) for a model with routers, or a file that is stale and may not be redone;
///         (data) when a language has too little text for rows of its own in every step
ProbeResult run_probe(
    ProbeConfig const& config,
    MpiComm const& world,
    StopSignal const& stop,
    ProgressStyle style,
    Log& log
);

}  // namespace isogloss
