// checkpoint/verify.cpp
#include "checkpoint/verify.h"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <mutex>

#include "base/hash.h"
#include "checkpoint/attempt.h"
#include "checkpoint/shard_file.h"
#include "checkpoint/side_by_side.h"

namespace isogloss {
namespace {

/// Bytes of the file, then of each tensor that the manifest places in it.
std::vector<std::string> problems_of_file(
    StoredCheckpoint const& checkpoint, ShardRecord const& shard
) {
    std::vector<std::string> problems;
    auto const path = checkpoint.folder / shard.file;
    auto const note = [&](auto&& work) {
        if (auto const failure = failure_of(work)) {
            problems.push_back(failure->text);
        }
    };
    note([&] {
        auto const found = sha256_file(path);
        if (found != shard.sha256) {
            problems.push_back(fmt::format(
                "{}: its bytes hash to {}, the manifest says {}", path.string(), found, shard.sha256
            ));
        }
    });
    for (auto const* tensor : checkpoint.manifest.tensors_of(shard.file)) {
        note([&] { read_tensor(checkpoint, *tensor, HashCheck::compare); });
    }
    return problems;
}

std::vector<std::string> unknown_files(StoredCheckpoint const& checkpoint) {
    std::vector<std::string> names;
    std::error_code error;
    for (auto const& entry : std::filesystem::directory_iterator(checkpoint.folder, error)) {
        auto const name = entry.path().filename().string();
        if (name != "manifest.json" && checkpoint.manifest.shard(name) == nullptr) {
            names.push_back(
                fmt::format("{}: is not in the manifest", (checkpoint.folder / name).string())
            );
        }
    }
    std::ranges::sort(names);
    return names;
}

std::vector<ShardRecord const*> shards_of(Manifest const& manifest, VerifyShare const& share) {
    std::vector<ShardRecord const*> mine;
    for (std::size_t i = 0; i < manifest.shards.size(); ++i) {
        if (static_cast<int>(i % static_cast<std::size_t>(share.count)) == share.index) {
            mine.push_back(&manifest.shards[i]);
        }
    }
    return mine;
}

}  // namespace

VerifyReport verify_checkpoint(
    StoredCheckpoint const& checkpoint,
    VerifyShare const& share,
    std::function<void(std::int64_t)> const& progress
) {
    auto const shards = shards_of(checkpoint.manifest, share);
    std::vector<std::vector<std::string>> problems(shards.size());
    VerifyReport report;
    std::mutex mutex;
    side_by_side(shards.size(), share.threads, [&](std::size_t i) {
        problems[i] = problems_of_file(checkpoint, *shards[i]);
        std::scoped_lock const lock(mutex);
        ++report.files;
        report.bytes += shards[i]->bytes;
        if (progress) {
            progress(report.bytes);
        }
    });
    for (auto const& list : problems) {
        std::ranges::copy(list, std::back_inserter(report.problems));
    }
    if (share.index == 0) {
        std::ranges::copy(unknown_files(checkpoint), std::back_inserter(report.problems));
    }
    return report;
}

}  // namespace isogloss
