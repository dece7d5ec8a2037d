// train/run_directory.h - where a run keeps what it makes.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>

#include "base/log.h"

namespace isogloss {

///     run.cfg          resolved options: `isogloss train --config run.cfg` runs the same again
///     metrics.jsonl    one object a step
///     log.txt
///     tensorboard/     the same numbers as an event file
///     checkpoints/     step-00000200/, ...
class RunDirectory {
public:
    explicit RunDirectory(std::filesystem::path root) : root_(std::move(root)) {}

    [[nodiscard]] std::filesystem::path const& root() const { return root_; }
    [[nodiscard]] std::filesystem::path checkpoints() const { return root_ / "checkpoints"; }
    [[nodiscard]] std::filesystem::path checkpoint(std::int64_t step) const;

    /// Makes the folders and writes run.cfg; says in the log which options differ from those the
    /// directory was begun with. One rank.
    /// @throws Error  (environment) when the directory is not writable
    void prepare(std::string const& options, Log& log) const;

private:
    std::filesystem::path root_;
};

}  // namespace isogloss
