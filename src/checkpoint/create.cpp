// checkpoint/create.cpp
#include "checkpoint/create.h"

#include <fmt/ranges.h>

#include "base/require.h"
#include "checkpoint/attempt.h"
#include "model/language_model.h"

namespace isogloss {

SaveResult create_checkpoint(
    std::filesystem::path const& folder, NewModel const& model, MpiComm const& world
) {
    auto const faults = problems(model.config);
    require_usage(
        faults.empty(), "the model has {} {}:\n    {}", faults.size(),
        faults.size() == 1 ? "fault" : "faults", fmt::join(faults, "\n    ")
    );
    Attempt look;
    if (world.rank() == 0) {
        look.run([&] {
            require_usage(
                !std::filesystem::exists(folder),
                "{}: exists already; choose another folder or remove it", folder.string()
            );
        });
    }
    look.agree(world);
    auto const placement = place_experts(
        {.experts_per_layer = model.config.experts_per_layer(),
         .expected_share = {},
         .group = {},
         .num_ranks = world.size(),
         .ranks_per_node = 1}
    );
    ParameterTable table(frozen(model.config), placement, world, Device::cpu);  // no gradients
    initialise(table, model.config, model.seed);
    CheckpointInfo info;
    info.tokenizer_kind = model.tokenizer_kind;
    info.tokenizer_sha256 = model.tokenizer_sha256;
    info.separator = model.separator;
    info.options = model.options;
    return save_checkpoint(folder, {model.config, table, {}, nullptr}, info, world);
}

}  // namespace isogloss
