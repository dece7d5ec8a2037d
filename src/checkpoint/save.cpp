// checkpoint/save.cpp
#include "checkpoint/save.h"

#include <fmt/format.h>

#include <algorithm>
#include <atomic>
#include <optional>
#include <utility>

#include "checkpoint/attempt.h"
#include "checkpoint/image_writer.h"
#include "checkpoint/partial_checkpoint.h"
#include "checkpoint/run_checkpoints.h"
#include "checkpoint/save_layout.h"
#include "checkpoint/shard_image.h"
#include "checkpoint/state_writer.h"
#include "comm/activity.h"
#include "comm/collective.h"
#include "device/copy.h"

namespace isogloss {
namespace {

/// What is known of an image beside its content.
struct FileOrigin {
    std::size_t plan = 0;
    std::string warning;
};

/// The tensors of `file` as the origin stores them in a file of the same name; empty when the file
/// is not the same or may have changed since.
std::vector<TensorRecord> unchanged_tensors(
    PlannedFile const& file, std::span<ParameterSpec const> specs, StoredCheckpoint const* origin
) {
    std::vector<TensorRecord> tensors;
    if (file.holding == Holding::state || origin == nullptr ||
        origin->manifest.shard(file.plan.file) == nullptr) {
        return {};
    }
    for (auto const* stored : origin->manifest.tensors_of(file.plan.file)) {
        tensors.push_back(*stored);
    }
    auto const is_same = [&](std::size_t member, TensorRecord const& stored) {
        auto const& spec = specs[member];
        return !spec.trainable && spec.name == stored.name && spec.shape == stored.shape &&
               spec.dtype == stored.dtype;
    };
    return std::ranges::equal(file.plan.members, tensors, is_same) ? tensors
                                                                   : std::vector<TensorRecord>();
}

/// Copies one parameter, from wherever its values are.
template <class T>
void copy_values(ShardImage& image, View<T, 1> values) {
    Buffer<T> room;
    auto const host = on_host(values, room, Stream{});
    image.append(std::as_bytes(host.span()));
}

ShardImage image_of_weights(PlannedFile const& file, ParameterTable const& parameters) {
    ShardImage image(file.plan.file, file.tensors);
    for (auto const member : file.plan.members) {
        if (parameters.specs()[member].dtype == DType::bf16) {
            copy_values(image, parameters.values<bf16>(member));
        } else {
            copy_values(image, parameters.values<float>(member));
        }
    }
    return image;
}

}  // namespace

struct CheckpointSave::Parts {
    Parts(
        std::filesystem::path const& to,
        SaveInput const& input,
        CheckpointInfo const& info,
        Writing writing_,
        MpiComm const& group
    )
        : folder(to),
          files(planned_files(input.parameters.specs(), info)),
          manifest{info, input.config, {}, {}, 0, 0},
          specs(input.parameters.specs()),
          writing(writing_),
          world(group) {}

    void begin(std::int64_t bytes);
    void take_weights(SaveInput const& input);
    void take_state(SaveInput const& input);
    void link_or_take(std::size_t plan, SaveInput const& input);
    /// Now, or when write() comes to it.
    void keep(FileOrigin origin, ShardImage image);
    void write_kept(std::stop_token const& stop);

    std::filesystem::path folder;
    std::vector<PlannedFile> files;
    Manifest manifest;
    std::span<ParameterSpec const> specs;
    Writing writing;
    MpiComm const& world;
    std::optional<PartialCheckpoint> partial;  // on rank 0
    std::vector<ShardImage> images;
    std::vector<FileOrigin> origins;  // of each image
    std::vector<MadeFile> made;       // by this rank
    Attempt attempt;
    std::atomic<std::int64_t> parts_done = 0;
};

void CheckpointSave::Parts::begin(std::int64_t bytes) {
    Attempt making;
    if (world.rank() == 0) {
        making.run([&] {
            if (is_step_folder(folder)) {  // then the folder above is this run's alone
                remove_partial_checkpoints(folder.parent_path());
            }
            partial.emplace(folder, bytes, IfThere::replace);
        });
    }
    making.agree(world);
}

void CheckpointSave::Parts::link_or_take(std::size_t plan, SaveInput const& input) {
    auto const& file = files[plan];
    std::string warning;
    auto const unchanged = unchanged_tensors(file, specs, input.origin);
    if (!unchanged.empty()) {
        auto const& record = *input.origin->manifest.shard(file.plan.file);
        auto const reason = link_shard(input.origin->folder, partial_folder(folder), record);
        if (reason.empty()) {
            made.push_back({plan, Making::linked, {record, unchanged}, {}});
            return;
        }
        warning = fmt::format(
            "{} is unchanged but cannot be linked from {} ({}); it is written again",
            file.plan.file, input.origin->folder.string(), reason
        );
    }
    keep({plan, warning}, image_of_weights(file, input.parameters));
}

void CheckpointSave::Parts::take_weights(SaveInput const& input) {
    for (std::size_t i = 0; i < files.size() && files[i].holding == Holding::weights; ++i) {
        // All members of a file have the same holders; which of them writes goes round.
        auto const holders = input.parameters.holders(files[i].plan.members.front());
        if (holders[i % holders.size()] == world.rank()) {
            attempt.run([&] { link_or_take(i, input); });
        }
    }
}

void CheckpointSave::Parts::take_state(SaveInput const& input) {
    if (files.back().holding != Holding::state) {
        return;  // on all ranks
    }
    StateOwners const owners(specs, input.optimizer, world);
    StateGatherer gatherer(owners, input.optimizer, world);
    for (std::size_t i = 0; i < files.size(); ++i) {
        if (files[i].holding != Holding::state) {
            continue;
        }
        auto const writer = owners.main_owner(files[i].plan.members);
        std::optional<ShardImage> image;
        if (writer == world.rank()) {
            attempt.run([&] { image.emplace(files[i].plan.file, files[i].tensors); });
        }
        for (auto const member : files[i].plan.members) {
            for (auto const kind : state_kinds(specs[member])) {
                gatherer.gather(member, kind, writer, image, attempt);
            }
        }
        if (image) {
            attempt.run([&] { keep({i, {}}, std::move(*image)); });
        }
    }
}

void CheckpointSave::Parts::keep(FileOrigin origin, ShardImage image) {
    mark_phase("saving");
    origins.push_back(std::move(origin));
    images.push_back(std::move(image));
    if (writing == Writing::at_once) {
        write_kept({});
    }
}

void CheckpointSave::Parts::write_kept(std::stop_token const& stop) {
    auto finished = write_images(partial_folder(folder), images, stop, parts_done);
    for (std::size_t i = 0; i < finished.size(); ++i) {
        made.push_back(
            {origins[i].plan, Making::written, std::move(finished[i]), origins[i].warning}
        );
    }
    origins.clear();
    images.clear();
}

CheckpointSave::CheckpointSave(
    std::filesystem::path const& folder,
    SaveInput const& input,
    CheckpointInfo const& info,
    Writing writing,
    MpiComm const& world
)
    : parts_(std::make_unique<Parts>(folder, input, info, writing, world)) {
    parts_->begin(bytes_to_save(input, info));
    parts_->take_weights(input);
    parts_->take_state(input);
}

CheckpointSave::~CheckpointSave() = default;

void CheckpointSave::write(std::stop_token const& stop) noexcept {
    parts_->attempt.run([&] { parts_->write_kept(stop); });
}

std::int64_t CheckpointSave::parts_done() const noexcept {
    return parts_->parts_done;
}

SaveResult CheckpointSave::commit() {
    auto& parts = *parts_;
    parts.attempt.agree(parts.world);
    auto const made = gather_made(parts.made, parts.files, parts.world);
    take_records(parts.manifest, made, parts.specs);
    SaveResult result;
    Attempt committing;
    if (parts.world.rank() == 0) {
        for (auto const& file : made) {
            if (!file.warning.empty()) {
                result.warnings.push_back(file.warning);
            }
        }
        committing.run([&] {
            result.checkpoint = parts.partial->commit(parts.manifest);
            if (auto const reason = point_latest(parts.folder); !reason.empty()) {
                result.warnings.push_back(reason);
            }
        });
    }
    committing.agree(parts.world);
    result.checkpoint = {parts.folder, parts.manifest, result.checkpoint.manifest_sha256};
    broadcast(result.checkpoint.manifest_sha256, 0, parts.world);
    return result;
}

SaveResult save_checkpoint(
    std::filesystem::path const& folder,
    SaveInput const& input,
    CheckpointInfo const& info,
    MpiComm const& world
) {
    return CheckpointSave(folder, input, info, Writing::at_once, world).commit();
}

std::int64_t bytes_to_save(SaveInput const& input, CheckpointInfo const& info) {
    auto files = planned_files(input.parameters.specs(), info);
    std::erase_if(files, [&](PlannedFile const& file) {
        return !unchanged_tensors(file, input.parameters.specs(), input.origin).empty();
    });
    return bytes_on_disk(files);
}

}  // namespace isogloss
