// cli/job.cpp
#include "cli/job.h"

#include <fmt/format.h>

#include <algorithm>
#include <functional>
#include <system_error>

#include "base/file.h"
#include "base/text.h"
#include "checkpoint/attempt.h"
#include "comm/collective.h"
#include "comm/job_check.h"

namespace isogloss {

Job::~Job() {
    watchdog_.reset();
    inner_claim_.reset();
    claim_.reset();
    if (!made_.empty()) {
        std::error_code ignored;  // it goes only where nothing was made in it
        std::filesystem::remove(made_, ignored);
    }
}

void Job::describe(Options& options) {
    if (has_begun_) {
        return;
    }
    isogloss::describe(options, rules_);
    if (watched_ == Watched::yes) {
        describe_watchdog(options, limit_);
    }
}

void Job::begin(std::string const& resolved, std::filesystem::path const& folder) {
    if (!folder.empty() && world_.comm().rank() == 0) {
        stop_.watch(folder / "STOP");
    }
    if (has_begun_) {
        if (!folder.empty()) {
            claim(folder, inner_claim_);
        }
        return;
    }
    has_begun_ = true;
    require_same_job(resolved, world_.comm());
    stop_.heed(rules_);
    if (auto const left = stop_.seconds_left(); left >= 0.0) {
        log_.info(fmt::format("stops by itself in {} at the latest", duration_text(left)));
    }
    if (!folder.empty()) {
        make_folder(folder);
        require_writable(folder, world_.comm());
        claim(folder, claim_);
    }
    if (watched_ == Watched::yes && limit_.seconds > 0.0) {
        auto const ranks = folder.empty() ? folder_in_memory(world_) : folder / "ranks";
        watchdog_.emplace(limit_, ranks, world_.comm(), log_);
    }
}

// Collective over the world.
void Job::make_folder(std::filesystem::path const& folder) {
    Attempt attempt;
    attempt.run([&] {
        if (world_.comm().rank() == 0 && !std::filesystem::exists(folder)) {
            make_folders(folder);
            made_ = folder;
        }
    });
    attempt.agree(world_.comm());
}

// Collective over the world.
void Job::claim(std::filesystem::path const& folder, std::optional<FolderClaim>& claim) {
    Attempt attempt;
    attempt.run([&] {
        if (world_.comm().rank() == 0) {
            claim.reset();
            make_folders(folder);
            claim.emplace(folder, log_);
        }
    });
    attempt.agree(world_.comm());
}

void Job::heed(std::filesystem::path const& file) {
    stop_.watch(file);
}

void Job::end(Exit exit) {
    if (exit != Exit::stopped) {
        return;
    }
    // Clocks and signals reach ranks at different moments, and all stop for the first.
    auto const reasons = gather_all(std::string(stop_.name()), world_.comm());
    if (world_.comm().rank() != 0) {
        return;
    }
    if (auto const it = std::ranges::find_if(reasons, std::not_fn(&std::string::empty));
        it != reasons.end()) {
        log_.info("stopped by " + *it + "; run the same command again to go on");
    }
    for (auto const& file : stop_.remove_files()) {
        log_.info(file.string() + " was obeyed and is removed: the next start goes on");
    }
}

}  // namespace isogloss
