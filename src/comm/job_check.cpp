// comm/job_check.cpp
#include "comm/job_check.h"

#include <fmt/format.h>
#include <set>
#include <sstream>
#include <system_error>

#include "base/error.h"
#include "base/file.h"
#include "base/hash.h"
#include "base/require.h"
#include "comm/collective.h"
#include "comm/heartbeat.h"

namespace isogloss {
namespace {

// The first line of `own` that `other` has not, else the first that `own` lacks; "" where none.
std::string first_difference(std::string const& own, std::string const& other) {
    std::set<std::string> known;
    std::istringstream others(other);
    for (std::string line; std::getline(others, line);) {
        known.insert(line);
    }
    std::istringstream lines(own);
    for (std::string line; std::getline(lines, line);) {
        if (!known.contains(line)) {
            return line;
        }
    }
    return own == other ? "" : "fewer or in another order";
}

struct Rule {
    char const* broken;
    char const* remedy;
};

// Throws when `difference` is not "" on some rank. Collective.
void require_none(
    Exit code, Rule const& rule, std::string const& difference, MpiComm const& world
) {
    if (!any_of(!difference.empty(), world)) {
        return;
    }
    auto const all = gather_all(difference, world);
    std::vector<int> ranks;
    for (std::size_t rank = 0; rank < all.size(); ++rank) {
        if (!all[rank].empty()) {
            ranks.push_back(static_cast<int>(rank));
        }
    }
    auto const& first = all[static_cast<std::size_t>(ranks.front())];
    throw Error(
        code, fmt::format("{}: {} ({}); {}", ranks_text(ranks), rule.broken, first, rule.remedy)
    );
}

}  // namespace

void require_same_job(std::string const& options, MpiComm const& world) {
    if (world.size() == 1) {
        return;
    }
    auto const own = sha256_file("/proc/self/exe");
    auto first = own;
    broadcast(first, 0, world);
    std::error_code ignored;
    auto const path = std::filesystem::read_symlink("/proc/self/exe", ignored).string();
    require_none(
        Exit::environment,
        {"another program than rank 0's", "start one file, of one build, on all nodes"},
        own == first ? "" : path + " on " + host_name(), world
    );
    auto theirs = options;
    broadcast(theirs, 0, world);
    require_none(
        Exit::usage, {"other options than rank 0's", "give all ranks the same command and files"},
        first_difference(options, theirs), world
    );
}

void require_writable(std::filesystem::path const& folder, MpiComm const& world) {
    auto const probe = folder / fmt::format(".probe-{:05}", world.rank());
    std::string problem;
    try {
        write_file(probe, std::string(4096, '.'));
    } catch (Error const& error) {
        problem = fmt::format("rank {} on {}: {}", world.rank(), host_name(), error.what());
    }
    std::error_code ignored;
    std::filesystem::remove(probe, ignored);
    fail_together(Exit::environment, problem, world);
}

}  // namespace isogloss
