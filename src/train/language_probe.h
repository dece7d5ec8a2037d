// train/language_probe.h - one language's fine-tune on the ranks of a group, from a base that stays
// in memory.
#pragma once

#include <functional>
#include <optional>
#include <span>
#include <string>

#include "base/math.h"
#include "checkpoint/manifest.h"
#include "comm/mpi_comm.h"
#include "corpus/corpus.h"
#include "model/language_model.h"
#include "train/probe_config.h"
#include "train/probe_file.h"

namespace isogloss {

/// The base model, and a copy of it that is trained on one language after the other.
class LanguageProbe {
public:
    /// Reads the base. Collective over `group`, which must outlive it.
    LanguageProbe(
        ProbeConfig const& config,
        StoredCheckpoint const& base,
        Corpus const& corpus,
        MpiComm const& group
    );

    /// Trains a fresh copy of the base on `language`. `each_pass` is called before every
    /// micro-batch with the number of its step, on every rank; when it says no on any of them, all
    /// end with nothing. Collective over the group.
    std::optional<ProbeRecord> run(
        std::string const& language, std::function<bool(std::int64_t)> const& each_pass
    );

    /// Writes PATH.partial and renames it to PATH: the record, and the deviations of the last
    /// layers, block by block. One rank.
    /// @throws Error  (environment)
    void write(ProbeRecord const& record, std::filesystem::path const& path) const;

private:
    /// The model becomes the base again.
    void reset();
    [[nodiscard]] DeviationNorms norms() const;
    /// after - before of elements [first, first + out.size()) of a parameter.
    void deviation(std::size_t parameter, std::int64_t first, std::span<float> out) const;
    [[nodiscard]] double sum_of_squares(std::size_t parameter, Range elements) const;

    ProbeConfig const& config_;
    Corpus const& corpus_;
    MpiComm const& group_;
    ParameterTable base_;  ///< in the checkpoint's type
    LanguageModel model_;  ///< f32, and all of it trains
};

}  // namespace isogloss
