// checkpoint/run_checkpoints.cpp
#include "checkpoint/run_checkpoints.h"

#include <fmt/format.h>

#include <algorithm>
#include <ranges>
#include <thread>

#include "base/file.h"
#include "base/hash.h"
#include "base/json.h"
#include "base/require.h"
#include "checkpoint/attempt.h"
#include "checkpoint/partial_checkpoint.h"
#include "checkpoint/side_by_side.h"
#include "comm/activity.h"
#include "comm/collective.h"

namespace isogloss {
namespace {

constexpr char const* kLatest = "latest";

std::vector<std::string> said_by_all(std::vector<std::string> const& mine, MpiComm const& world) {
    auto const texts =
        gather_all(Json(mine).dump(-1, ' ', false, Json::error_handler_t::replace), world);
    std::vector<std::string> all;
    for (auto const& text : texts) {
        std::ranges::move(Json::parse(text).get<std::vector<std::string>>(), back_inserter(all));
    }
    return all;
}

/// Faults of data become a text, others are thrown.
template <class F>
std::string data_fault_of(F&& work) {
    auto const failure = failure_of(std::forward<F>(work));
    if (failure && failure->code != Exit::data) {
        throw Error(failure->code, failure->text);
    }
    return failure ? failure->text : std::string();
}

StoredCheckpoint read_step(std::filesystem::path const& folder) {
    auto checkpoint = read_checkpoint(folder);
    auto const step = checkpoint.manifest.info.step;
    require_data(
        folder.filename() == step_folder(step), "{}: its manifest is of step {}", folder.string(),
        step
    );
    return checkpoint;
}

/// Rank 0 reads; its result on all. Collective over `world`.
std::vector<std::string> read_on_all(
    std::filesystem::path const& folder, StoredCheckpoint& checkpoint, MpiComm const& world
) {
    std::vector<std::string> problems;
    std::string text;
    Attempt attempt;
    if (world.rank() == 0) {
        attempt.run([&] {
            auto const fault = data_fault_of([&] { checkpoint = read_step(folder); });
            if (fault.empty()) {
                text = manifest_text(checkpoint.manifest);
            } else {
                problems.push_back(fault);
            }
        });
    }
    attempt.agree(world);
    problems = said_by_all(problems, world);
    if (problems.empty()) {
        broadcast(text, 0, world);
        broadcast(checkpoint.manifest_sha256, 0, world);
    }
    if (problems.empty() && world.rank() != 0) {
        checkpoint.folder = folder;
        checkpoint.manifest = parse_manifest(text, (folder / "manifest.json").string());
    }
    return problems;
}

/// "" when the file is what its record says.
std::string problem_of_file(std::filesystem::path const& folder, ShardRecord const& shard) {
    auto const path = folder / shard.file;
    std::string found;
    auto const fault = data_fault_of([&] { found = sha256_file(path); });
    if (!fault.empty() || found == shard.sha256) {
        return fault;
    }
    return fmt::format(
        "{}: its bytes hash to {}, the manifest says {}; it is damaged", path.string(), found,
        shard.sha256
    );
}

/// Each file is hashed by one rank. Collective over `world`.
std::vector<std::string> hash_problems(StoredCheckpoint const& checkpoint, MpiComm const& world) {
    std::vector<ShardRecord const*> mine;
    auto const& shards = checkpoint.manifest.shards;
    for (auto i = static_cast<std::size_t>(world.rank()); i < shards.size();
         i += static_cast<std::size_t>(world.size())) {
        mine.push_back(&shards[i]);
    }
    std::vector<std::string> problems(mine.size());
    Attempt attempt;
    auto const main = std::this_thread::get_id();
    attempt.run([&] {
        side_by_side(mine.size(), kHashingThreads, [&](std::size_t i) {
            if (std::this_thread::get_id() == main) {
                mark_phase("hashing the checkpoint");
            }
            problems[i] = problem_of_file(checkpoint.folder, *mine[i]);
        });
    });
    attempt.agree(world);
    std::erase(problems, "");
    return said_by_all(problems, world);
}

/// checkpoint_steps of rank 0 on all. Collective over `world`.
std::vector<std::int64_t> steps_on_all(std::filesystem::path const& root, MpiComm const& world) {
    std::string text;
    Attempt attempt;
    if (world.rank() == 0) {
        attempt.run([&] { text = Json(checkpoint_steps(root)).dump(); });
    }
    attempt.agree(world);
    broadcast(text, 0, world);
    return Json::parse(text).get<std::vector<std::int64_t>>();
}

}  // namespace

std::vector<std::int64_t> checkpoint_steps(std::filesystem::path const& root) {
    std::error_code error;
    std::vector<std::int64_t> steps;
    for (auto const& entry : std::filesystem::directory_iterator(root, error)) {
        auto const step = step_of_folder(entry.path());
        std::error_code ignored;
        if (step >= 0 && std::filesystem::exists(entry.path() / "manifest.json", ignored)) {
            steps.push_back(step);
        }
    }
    require_environment(
        !error || error == std::errc::no_such_file_or_directory, "{}: cannot be listed: {}",
        root.string(), error.message()
    );
    std::ranges::sort(steps);
    return steps;
}

NewestCheckpoint newest_whole_checkpoint(
    std::filesystem::path const& root, HashRule const& rule, MpiComm const& world
) {
    NewestCheckpoint found;
    auto const steps = steps_on_all(root, world);
    for (auto const step : steps | std::views::reverse) {
        auto const folder = root / step_folder(step);
        StoredCheckpoint checkpoint;
        auto problems = read_on_all(folder, checkpoint, world);
        if (problems.empty() && rule(checkpoint.manifest) == HashCheck::compare) {
            problems = hash_problems(checkpoint, world);
        }
        if (problems.empty()) {
            found.whole = std::move(checkpoint);
            return found;
        }
        found.damaged.push_back({folder, std::move(problems)});
    }
    return found;
}

void set_aside(std::filesystem::path const& folder) {
    auto const aside = with_ending(folder, ".damaged");
    std::error_code error;
    std::filesystem::remove_all(aside, error);
    require_environment(
        !error, "{}: cannot be removed: {}; it is in the way of {}", aside.string(),
        error.message(), folder.string()
    );
    rename_path(folder, aside);
}

std::string point_latest(std::filesystem::path const& folder) {
    if (!is_step_folder(folder)) {
        return {};
    }
    auto const latest = folder.parent_path() / kLatest;
    auto const next = with_ending(latest, ".partial");
    std::error_code error;
    std::filesystem::remove(next, error);
    std::filesystem::create_directory_symlink(folder.filename(), next, error);
    if (!error) {
        std::filesystem::rename(next, latest, error);
    }
    if (error) {
        std::error_code ignored;
        std::filesystem::remove(next, ignored);
        return fmt::format(
            "{}: cannot be made a link to {}: {}", latest.string(), folder.filename().string(),
            error.message()
        );
    }
    return {};
}

std::vector<std::int64_t> superseded(
    std::vector<std::int64_t> const& steps, Retention const& retention
) {
    std::vector<std::int64_t> old;
    auto const count = std::ssize(steps);
    auto const kept = retention.last == 0 ? count : std::min(count, retention.last);
    for (auto const step : steps | std::views::take(count - kept)) {
        if (retention.every == 0 || step % retention.every != 0) {
            old.push_back(step);
        }
    }
    return old;
}

std::vector<std::filesystem::path> retire(
    std::filesystem::path const& root, std::int64_t newest, Retention const& retention
) {
    std::vector<std::filesystem::path> retired;
    auto steps = checkpoint_steps(root);
    std::erase_if(steps, [&](std::int64_t step) { return step > newest; });
    std::error_code none;
    auto const latest = std::filesystem::read_symlink(root / kLatest, none);
    for (auto const step : superseded(steps, retention)) {
        auto const folder = root / step_folder(step);
        if (folder.filename() == latest) {
            continue;
        }
        retired.push_back(partial_folder(with_ending(folder, ".removed")));
        rename_path(folder, retired.back());
    }
    return retired;
}

}  // namespace isogloss
