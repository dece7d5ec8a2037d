// comm/rank_device.cpp
#include "comm/rank_device.h"

#include <algorithm>
#include <string>

#include "base/require.h"
#include "comm/collective.h"
#include "device/cuda_device.h"

namespace isogloss {

void describe(Options& options, RankDevice& choice) {
    options.add_choice(
        "device", choice.device, {{"cpu", Device::cpu}, {"cuda", Device::cuda}},
        "what ranks compute on: their cores, or a GPU each"
    );
    options.add(
        "share-gpu", choice.share_gpu,
        "cuda: let several ranks work on one GPU, through host memory; slow, for tests"
    );
}

void take_device(RankDevice const& choice, World const& world) {
    if (choice.device == Device::cpu) {
        return;
    }
    auto const& comm = world.comm();
    auto const count = std::max(1, cuda::num_devices());
    cuda::choose_device(world.rank_on_node() % count);
    auto const gpu = cuda::device_properties();
    auto const all = gather_all(std::string(gpu.id.begin(), gpu.id.end()), comm);
    for (std::size_t rank = 0; rank < all.size(); ++rank) {
        auto const first = std::ranges::find(all, all[rank]) - all.begin();
        require_environment(
            choice.share_gpu || first == static_cast<std::ptrdiff_t>(rank),
            "ranks {} and {} would both work on one GPU ({}); start no more ranks on a node than "
            "it has GPUs, or give --share-gpu",
            first, rank, gpu.name
        );
    }
}

}  // namespace isogloss
