// train/run_directory.cpp
#include "train/run_directory.h"

#include <fstream>
#include <set>
#include <sstream>

#include "base/file.h"
#include "base/require.h"
#include "checkpoint/partial_checkpoint.h"

namespace isogloss {
namespace {

// Lines of `text` that `other` has not.
std::string lines_only_in(std::string const& text, std::string const& other) {
    std::set<std::string> known;
    std::istringstream others(other);
    for (std::string line; std::getline(others, line);) {
        known.insert(line);
    }
    std::string only;
    std::istringstream lines(text);
    for (std::string line; std::getline(lines, line);) {
        if (!known.contains(line)) {
            only += (only.empty() ? "" : "; ") + line;
        }
    }
    return only;
}

}  // namespace

std::filesystem::path RunDirectory::checkpoint(std::int64_t step) const {
    return checkpoints() / step_folder(step);
}

void RunDirectory::prepare(std::string const& options, Log& log) const {
    make_folders(checkpoints());
    log.also_to(root_ / "log.txt");
    auto const path = root_ / "run.cfg";
    if (std::ifstream const file(path); file) {
        std::ostringstream before;
        before << file.rdbuf();
        auto const changed = lines_only_in(options, before.str());
        if (!changed.empty()) {
            log.warning(fmt::format("options differ from those this run began with: {}", changed));
        }
    }
    write_file(path, options);
}

}  // namespace isogloss
