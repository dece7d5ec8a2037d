// cli/model_verify.cpp
#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <thread>

#include "base/json.h"
#include "base/progress.h"
#include "base/require.h"
#include "base/text.h"
#include "checkpoint/verify.h"
#include "cli/commands.h"

namespace isogloss {

Exit run_model_verify(Arguments const& arguments) {
    std::filesystem::path folder;
    std::int32_t threads = 0;
    bool json = false;
    Options options(
        "model verify",
        "Hashes every file and tensor of a checkpoint and compares them with its manifest. Exit 3 "
        "when anything differs."
    );
    options.add_positional("checkpoint", folder, "folder of the checkpoint");
    options.add("threads", threads, "that hash at a time; 0: one a processor");
    options.add("json", json, "print one JSON document");
    if (options.parse(arguments) == Parsed::help) {
        return print_help(options);
    }
    auto const checkpoint = read_checkpoint(folder);
    std::int64_t bytes = 0;
    for (auto const& shard : checkpoint.manifest.shards) {
        bytes += shard.bytes;
    }
    if (threads < 1) {
        threads = std::max(1, static_cast<std::int32_t>(std::thread::hardware_concurrency()));
    }
    Progress progress(ProgressStyle::automatic, "verify", static_cast<double>(bytes), "B");
    auto const report = verify_checkpoint(checkpoint, {0, 1, threads}, [&](std::int64_t done) {
        progress.update(static_cast<double>(done));
    });
    progress.finish();
    if (json) {
        Json const value{
            {"checkpoint", folder.string()},
            {"files", report.files},
            {"bytes", report.bytes},
            {"problems", report.problems}};
        fmt::print("{}\n", value.dump(2));
    }
    require_data(
        report.problems.empty(), "{} has {} {}:\n    {}", folder.string(), report.problems.size(),
        report.problems.size() == 1 ? "fault" : "faults", fmt::join(report.problems, "\n    ")
    );
    if (!json) {
        fmt::print(
            "{}: {} files, {}, all as the manifest says\n", folder.string(), report.files,
            bytes_text(report.bytes)
        );
    }
    return Exit::done;
}

}  // namespace isogloss
