// cli/opened_model.h - a checkpoint on the ranks of a job, to be looked at, and a corpus beside it.
#pragma once

#include <filesystem>
#include <functional>

#include "checkpoint/manifest.h"
#include "comm/rank_device.h"
#include "comm/world.h"
#include "corpus/corpus.h"
#include "model/language_model.h"

namespace isogloss {

/// Nothing of the model trains.
struct OpenedModel {
    StoredCheckpoint checkpoint;
    Corpus corpus;
    LanguageModel model;
};

/// The model of a checkpoint that was read, frozen, with its weights. Collective over the world.
/// @param check  as below
LanguageModel load_model(
    StoredCheckpoint const& stored,
    World const& world,
    std::function<void(ModelConfig const&)> const& check = {},
    Device device = Device::cpu
);

/// Collective over the world.
/// @param check  called with the model's config before its weights are read: throws what does not
///               suit it
/// @throws Error  (data) when one of them is damaged or they have two tokenizers
OpenedModel open_model(
    std::filesystem::path const& checkpoint,
    std::filesystem::path const& corpus,
    World const& world,
    std::function<void(ModelConfig const&)> const& check = {},
    RankDevice const& device = {}
);

}  // namespace isogloss
