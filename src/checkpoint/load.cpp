// checkpoint/load.cpp
#include "checkpoint/load.h"

#include <fmt/ranges.h>

#include <algorithm>
#include <future>
#include <map>
#include <set>

#include "base/file.h"
#include "base/require.h"
#include "checkpoint/attempt.h"
#include "checkpoint/fault_list.h"
#include "checkpoint/partial_checkpoint.h"
#include "checkpoint/shard_layout.h"
#include "checkpoint/side_by_side.h"
#include "checkpoint/state_writer.h"
#include "comm/activity.h"
#include "comm/collective.h"
#include "device/copy.h"

namespace isogloss {
namespace {

/// Reads one parameter to wherever its values are.
void read_values(
    Hdf5File const& shard, TensorRecord const& tensor, ParameterTable& parameters, HashCheck check
) {
    auto const index = parameters.index_of(tensor.name);
    auto const read = [&](auto host) {
        read_tensor(shard, tensor, std::as_writable_bytes(host.span()), check);
    };
    if (parameters.specs()[index].dtype == DType::bf16) {
        fill_from_host(parameters.values<bf16>(index), Stream{}, read);
    } else {
        fill_from_host(parameters.values<float>(index), Stream{}, read);
    }
}

std::map<std::string_view, TensorRecord const*> by_name(Manifest const& manifest) {
    std::map<std::string_view, TensorRecord const*> tensors;
    for (auto const& tensor : manifest.tensors) {
        tensors.emplace(tensor.name, &tensor);
    }
    return tensors;
}

/// The checkpoint's parameters are those of the model that is to be filled.
void require_same_parameters(
    StoredCheckpoint const& checkpoint, std::span<ParameterSpec const> specs
) {
    FaultList faults(checkpoint.folder.string() + ", compared with the model,");
    auto unknown = by_name(checkpoint.manifest);
    std::vector<std::string> unlike;  // told after what is missing or unknown
    for (auto const& spec : specs) {
        auto const found = unknown.find(spec.name);
        if (found == unknown.end()) {
            faults.add("{}: is not in the checkpoint", spec.name);
            continue;
        }
        auto const& tensor = *found->second;
        if (tensor.shape != spec.shape || tensor.dtype != spec.dtype) {
            unlike.push_back(fmt::format(
                "{}: is {} [{}] in the checkpoint and {} [{}] in the model", spec.name,
                name_of(tensor.dtype), fmt::join(tensor.shape, ", "), name_of(spec.dtype),
                fmt::join(spec.shape, ", ")
            ));
        }
        unknown.erase(found);
    }
    for (auto const& [name, tensor] : unknown) {
        if (!is_state(name)) {
            faults.add("{}: is not in the model", name);
        }
    }
    std::ranges::move(unlike, std::back_inserter(faults.texts()));
    faults.throw_if_any();
}

/// By file, the parameters that this rank holds.
std::map<std::string_view, std::vector<TensorRecord const*>> held_tensors(
    Manifest const& manifest, ParameterTable const& parameters
) {
    std::map<std::string_view, std::vector<TensorRecord const*>> files;
    for (auto const& tensor : manifest.tensors) {
        if (!is_state(tensor.name) && parameters.is_held(parameters.index_of(tensor.name))) {
            files[tensor.shard].push_back(&tensor);
        }
    }
    return files;
}

using HeldFile = std::pair<std::string_view const, std::vector<TensorRecord const*>>;

/// One thread reads while another hashes; a GPU is filled by one.
void read_file(
    StoredCheckpoint const& checkpoint,
    HeldFile const& file,
    ParameterTable& parameters,
    HashCheck check
) {
    Hdf5File const shard(checkpoint.folder / file.first);
    auto const& tensors = file.second;
    auto const device = parameters.groups().front().values.device();
    auto const threads = device == Device::cpu ? kHashingThreads : 1;
    side_by_side(tensors.size(), threads, [&](std::size_t i) {
        read_values(shard, *tensors[i], parameters, check);
    });
}

/// Every trainable parameter has its state in the checkpoint.
void require_state(StoredCheckpoint const& checkpoint, std::span<ParameterSpec const> specs) {
    require_data(
        checkpoint.manifest.has_optimizer_state(),
        "{}: holds no state of the optimizer (it was created or grown, or saved without); start a "
        "new run from it instead of resuming",
        checkpoint.folder.string()
    );
    FaultList faults(checkpoint.folder.string() + ", compared with the optimizer,");
    auto const stored = by_name(checkpoint.manifest);
    for (auto const& spec : specs) {
        for (auto const kind :
             spec.trainable ? state_kinds(spec) : std::vector<std::string_view>()) {
            if (!stored.contains(state_name(spec, kind))) {
                faults.add("{}: is not in the checkpoint", state_name(spec, kind));
            }
        }
    }
    faults.throw_if_any();
}

/// Those that this rank hashes: each tensor of state is one rank's.
std::vector<TensorRecord const*> state_to_hash(Manifest const& manifest, MpiComm const& world) {
    std::vector<TensorRecord const*> mine;
    int next = 0;
    for (auto const& tensor : manifest.tensors) {
        if (is_state(tensor.name) && next++ % world.size() == world.rank()) {
            mine.push_back(&tensor);
        }
    }
    return mine;
}

void require_hashes(
    std::filesystem::path const& folder, std::vector<TensorRecord const*> const& tensors
) {
    side_by_side(tensors.size(), kHashingThreads, [&](std::size_t i) {
        Hdf5File const file(folder / tensors[i]->shard);
        check_tensor(file, *tensors[i]);
    });
}

/// Elements of a tensor from `first` on. Not by HDF5, whose lock would keep those waiting that
/// hash.
void read_elements(
    Hdf5File const& file, std::string const& tensor, std::int64_t first, std::span<float> out
) {
    auto const begin = file.file_offset(tensor) + first * static_cast<std::int64_t>(sizeof(float));
    read_at(file.path(), begin, std::as_writable_bytes(out));
}

void read_pieces(
    StoredCheckpoint const& checkpoint,
    std::span<ParameterSpec const> specs,
    std::span<StatePiece const> pieces
) {
    auto const stored = by_name(checkpoint.manifest);
    std::map<std::string, Hdf5File> files;
    for (auto const& piece : pieces) {
        mark_phase("loading the optimizer");
        auto const& spec = specs[piece.parameter];
        for (auto const kind : state_kinds(spec)) {
            auto const name = state_name(spec, kind);
            auto const& shard = stored.at(name)->shard;
            auto const& file = files.try_emplace(shard, checkpoint.folder / shard).first->second;
            require_data(
                file.info(name) == DatasetInfo{StoredType::f32, {spec.size()}},
                "{}: {} has another shape or type than the manifest says", file.path().string(),
                name
            );
            fill_from_host(state_view(piece, kind), Stream{}, [&](auto host) {
                read_elements(file, name, piece.range.begin, host.span());
            });
        }
    }
}

}  // namespace

std::optional<std::filesystem::path> latest_checkpoint(
    std::filesystem::path const& root, MpiComm const& world
) {
    std::string found;
    Attempt attempt;
    if (world.rank() == 0) {
        attempt.run([&] { found = latest_checkpoint(root).value_or("").string(); });
    }
    attempt.agree(world);
    broadcast(found, 0, world);
    return found.empty() ? std::nullopt : std::optional<std::filesystem::path>(found);
}

StoredCheckpoint read_checkpoint(std::filesystem::path const& folder, MpiComm const& world) {
    StoredCheckpoint checkpoint;
    std::string text;
    Attempt attempt;
    if (world.rank() == 0) {
        attempt.run([&] {
            checkpoint = read_checkpoint(folder);
            text = manifest_text(checkpoint.manifest);
        });
    }
    attempt.agree(world);
    broadcast(text, 0, world);
    broadcast(checkpoint.manifest_sha256, 0, world);
    if (world.rank() != 0) {
        checkpoint.folder = folder;
        checkpoint.manifest = parse_manifest(text, (folder / "manifest.json").string());
    }
    return checkpoint;
}

void load_weights(
    StoredCheckpoint const& checkpoint,
    ParameterTable& parameters,
    HashCheck check,
    MpiComm const& world
) {
    require_same_parameters(checkpoint, parameters.specs());
    Attempt attempt;
    for (auto const& file : held_tensors(checkpoint.manifest, parameters)) {
        mark_phase("loading weights");
        attempt.run([&] { read_file(checkpoint, file, parameters, check); });
    }
    attempt.agree(world);
}

void load_optimizer(
    StoredCheckpoint const& checkpoint,
    ParameterTable const& parameters,
    std::span<StatePiece const> pieces,
    HashCheck check,
    MpiComm const& world
) {
    require_state(checkpoint, parameters.specs());
    auto const tensors = check == HashCheck::compare ? state_to_hash(checkpoint.manifest, world)
                                                     : std::vector<TensorRecord const*>();
    Attempt attempt;
    attempt.run([&] {
        // The disk is read once: whichever comes second finds the bytes in memory.
        auto hashed =
            std::async(std::launch::async, [&] { require_hashes(checkpoint.folder, tensors); });
        read_pieces(checkpoint, parameters.specs(), pieces);
        hashed.get();
    });
    attempt.agree(world);
}

void require_tokenizer(
    StoredCheckpoint const& checkpoint,
    std::string const& sha256,
    std::int32_t separator,
    std::string const& source
) {
    auto const& own = checkpoint.manifest.info.tokenizer_sha256;
    require_data(
        own == sha256,
        "{}: was trained with the tokenizer {} ({}), {} has {}; build the corpus with the model's "
        "tokenizer",
        checkpoint.folder.string(), own, checkpoint.manifest.info.tokenizer_kind, source, sha256
    );
    auto const known = checkpoint.manifest.info.separator;
    require_data(
        known < 0 || known == separator,
        "{}: documents begin with token {} for this model, in {} with token {}; build the corpus "
        "with the model's --separator (`tokenizer info` names the tokens), or make the model with "
        "that of the corpus",
        checkpoint.folder.string(), known, source, separator
    );
}

}  // namespace isogloss
