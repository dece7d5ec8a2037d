// comm/rank_device.h - what a rank computes on: its processor cores, or a GPU of its node.
#pragma once

#include "base/options.h"
#include "comm/world.h"
#include "device/view.h"

namespace isogloss {

struct RankDevice {
    Device device = Device::cpu;
    bool share_gpu = false;  ///< several ranks may work on one GPU: slow, for tests
};

/// Adds the options --device and --share-gpu.
void describe(Options& options, RankDevice& choice);

/// With Device::cuda each rank takes the GPU of its place on its node, and keeps it: it must come
/// before all other work on a GPU. Collective over the world.
/// @throws Error  (environment) in a build without CUDA, where there is no GPU, or where two ranks
/// would have one GPU without share_gpu
void take_device(RankDevice const& choice, World const& world);

}  // namespace isogloss
