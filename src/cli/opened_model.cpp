// cli/opened_model.cpp
#include "cli/opened_model.h"

#include <utility>

#include "checkpoint/load.h"
#include "train/run.h"

namespace isogloss {

LanguageModel load_model(
    StoredCheckpoint const& stored,
    World const& world,
    std::function<void(ModelConfig const&)> const& check,
    Device device
) {
    auto const config = frozen(stored.manifest.config);
    if (check) {
        check(config);
    }
    LanguageModel model(config, place_model(config, world), world.comm(), {.device = device});
    load_weights(stored, model.parameters(), HashCheck::compare, world.comm());
    return model;
}

OpenedModel open_model(
    std::filesystem::path const& checkpoint,
    std::filesystem::path const& corpus,
    World const& world,
    std::function<void(ModelConfig const&)> const& check,
    RankDevice const& device
) {
    take_device(device, world);
    Corpus text(corpus);
    auto stored = read_checkpoint(checkpoint, world.comm());
    auto const& its = text.manifest();
    require_tokenizer(stored, its.tokenizer_sha256, its.separator, "corpus " + corpus.string());
    auto model = load_model(stored, world, check, device.device);
    return {std::move(stored), std::move(text), std::move(model)};
}

}  // namespace isogloss
