// cli/bench_checkpoint.cpp
#include <fmt/format.h>

#include <algorithm>
#include <fstream>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <system_error>
#include <vector>

#include "base/clock.h"
#include "base/file.h"
#include "base/json.h"
#include "base/require.h"
#include "base/table.h"
#include "base/text.h"
#include "checkpoint/load.h"
#include "checkpoint/save.h"
#include "cli/bench_model.h"
#include "cli/commands.h"
#include "cli/loader_sources.h"
#include "cli/median.h"
#include "comm/collective.h"
#include "comm/rank_device.h"
#include "comm/world.h"
#include "model/language_model.h"
#include "model/optimizer.h"

namespace isogloss {
namespace {

struct CheckpointBench {
    BenchModel model;
    RankDevice device;
    std::filesystem::path dir = std::filesystem::temp_directory_path();
    std::int64_t rounds = 3;
    bool json = false;
};

// Seconds of each part, a round each; of the slowest rank.
using Seconds = std::map<std::string, std::vector<double>>;

// A model with its optimizer, saved and loaded beside a plain file of as many bytes.
class CheckpointRunner {
public:
    CheckpointRunner(CheckpointBench const& bench, World const& world)
        : world_(world.comm()),
          scratch_(bench.dir / "isogloss-bench-checkpoint"),
          plain_(scratch_.path() / fmt::format("plain-{}", world_.rank())),
          model_(config_of(bench.model), placement(bench, world), world_, {bench.device.device}),
          optimizer_(initialised()) {
        if (world_.rank() == 0) {
            make_folders(scratch_.path());
        }
        barrier(world_);
    }
    ~CheckpointRunner() { MPI_Barrier(world_.get()); }
    CheckpointRunner(CheckpointRunner const&) = delete;
    CheckpointRunner& operator=(CheckpointRunner const&) = delete;

    // Plain and ours in turn, so that a load on the machine hits both.
    void round() {
        remove_last();
        auto const checkpoint = save();
        bytes_ = checkpoint.manifest.bytes_written;
        auto const share = static_cast<std::size_t>(bytes_ / world_.size());
        if (content_.size() != share) {
            content_.assign(share, 'x');
        }
        timed("plain write", [&] { write_file(plain_, content_); });
        drop_from_cache(plain_);
        timed("plain read", [&] { read_plain(); });
        if (world_.rank() == 0) {
            for (auto const& shard : checkpoint.manifest.shards) {
                drop_from_cache(checkpoint.folder / shard.file);
            }
        }
        timed("load", [&] {
            auto& table = model_.parameters();
            auto const pieces = state_pieces(table, optimizer_);
            load_weights(checkpoint, table, HashCheck::compare, world_);
            load_optimizer(checkpoint, table, pieces, HashCheck::compare, world_);
        });
    }

    [[nodiscard]] Seconds const& seconds() const { return seconds_; }
    [[nodiscard]] std::int64_t bytes() const { return bytes_; }

private:
    static Placement placement(CheckpointBench const& bench, World const& world) {
        PlacementRequest request;
        request.experts_per_layer = config_of(bench.model).experts_per_layer();
        request.num_ranks = world.comm().size();
        request.ranks_per_node = world.ranks_per_node();
        return place_experts(request);
    }

    Optimizer initialised() {
        initialise(model_.parameters(), model_.config(), 1);
        return Optimizer(model_.parameters());
    }

    void timed(std::string const& part, std::function<void()> const& work) {
        barrier(world_);
        Timer const timer;
        work();
        seconds_[part].push_back(max_over(timer.seconds(), world_));
    }

    // A run writes each checkpoint to a new place, and removes old ones in the background.
    void remove_last() const {
        std::error_code ignored;
        std::filesystem::remove(plain_, ignored);
        if (world_.rank() == 0) {
            std::filesystem::remove_all(scratch_.path() / "checkpoint", ignored);
            flush_to_disk(scratch_.path());  // what the file system does for it is not timed
        }
        barrier(world_);
    }

    StoredCheckpoint save() {
        CheckpointInfo info;
        info.optimizer_step = 0;
        info.tokenizer_kind = "bytes";
        info.tokenizer_sha256 = std::string(64, '0');
        auto const pieces = state_pieces(model_.parameters(), optimizer_);
        SaveInput const input{model_.config(), model_.parameters(), pieces, nullptr};
        std::optional<CheckpointSave> save;
        SaveResult result;
        timed("copy", [&] {
            save.emplace(scratch_.path() / "checkpoint", input, info, Writing::later, world_);
        });
        timed("write", [&] { save->write(); });
        timed("commit", [&] { result = save->commit(); });
        return result.checkpoint;
    }

    void read_plain() const {
        std::ifstream file(plain_, std::ios::binary);
        std::vector<char> room(std::size_t{1} << 24U);
        std::size_t read = 0;
        while (file.read(room.data(), static_cast<std::streamsize>(room.size())) ||
               file.gcount() > 0) {
            read += static_cast<std::size_t>(file.gcount());
        }
        require_environment(
            read == content_.size(), "{}: {} bytes came back of {}", plain_.string(), read,
            content_.size()
        );
    }

    MpiComm const& world_;
    Scratch scratch_;
    std::filesystem::path plain_;
    LanguageModel model_;
    Optimizer optimizer_;
    std::string content_;
    std::int64_t bytes_ = 0;
    Seconds seconds_;
};

Json to_json(CheckpointRunner const& runner, int ranks) {
    Json json{{"bytes", runner.bytes()}, {"ranks", ranks}};
    for (auto const& [part, seconds] : runner.seconds()) {
        json["seconds"][part] = median(seconds);
    }
    auto const& all = runner.seconds();
    std::vector<double> saved;
    std::vector<double> loaded;
    for (std::size_t i = 0; i < all.at("write").size(); ++i) {
        auto const save = all.at("copy")[i] + all.at("write")[i] + all.at("commit")[i];
        saved.push_back(all.at("plain write")[i] / save);
        loaded.push_back(all.at("plain read")[i] / all.at("load")[i]);
    }
    json["save_of_plain"] = median(saved);
    json["load_of_plain"] = median(loaded);
    json["stall_seconds"] =
        json["seconds"]["copy"].get<double>() + json["seconds"]["commit"].get<double>();
    return json;
}

void print(Json const& json) {
    auto const bytes = json["bytes"].get<double>();
    Table table({"part", "seconds", "MB/s"});
    for (auto const* part : {"copy", "write", "commit", "plain write", "load", "plain read"}) {
        double const seconds = json["seconds"][part];
        table.add_row({part, decimal_text(seconds, 3), decimal_text(bytes / seconds / 1e6, 0)});
    }
    fmt::print(
        "{} on {} ranks\n\n{}\nsave {:.2f} and load {:.2f} of the plain file's rate; training "
        "stands still for {:.3f} s, under 2 % of any interval above {}\n",
        bytes_text(json["bytes"]), json["ranks"].get<int>(), table.text(),
        json["save_of_plain"].get<double>(), json["load_of_plain"].get<double>(),
        json["stall_seconds"].get<double>(),
        duration_text(50.0 * json["stall_seconds"].get<double>())
    );
}

}  // namespace

Exit run_bench_checkpoint(Arguments const& arguments, World const& world) {
    CheckpointBench bench;
    Options options(
        "bench checkpoint",
        "Saves a model with its optimizer, as training does in the background, and loads it; each "
        "beside a plain file of as many bytes on the same disk, written with fsync. Files are "
        "dropped from the page cache before they are read."
    );
    describe(options, bench.model);
    describe(options, bench.device);
    options.add("dir", bench.dir, "folder on the disk that is measured");
    options.add("rounds", bench.rounds, "whose medians are shown");
    options.add("json", bench.json, "print one JSON document instead of a table");
    options.add_check([&] {
        std::vector<std::string> faults;
        if (bench.rounds < 1) {
            faults.push_back(fmt::format("rounds = {}: must be at least 1", bench.rounds));
        }
        return faults;
    });
    if (options.parse(arguments) == Parsed::help) {
        return print_help(options, world);
    }
    take_device(bench.device, world);
    CheckpointRunner runner(bench, world);
    for (std::int64_t i = 0; i < bench.rounds; ++i) {
        runner.round();
    }
    auto const json = to_json(runner, world.comm().size());
    if (world.comm().rank() == 0) {
        if (bench.json) {
            fmt::print("{}\n", json.dump(2));
        } else {
            print(json);
        }
    }
    return Exit::done;
}

}  // namespace isogloss
