// comm/heartbeat.cpp
#include "comm/heartbeat.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <iterator>
#include <map>

#include "base/json.h"
#include "base/text.h"
#include "comm/shared_line.h"

namespace isogloss {
namespace {

// "forward of layer 4, step 120"
std::string place(Heartbeat const& heartbeat) {
    auto text = heartbeat.phase.empty() ? std::string("the start") : heartbeat.phase;
    if (heartbeat.layer >= 0) {
        text += fmt::format(" of layer {}", heartbeat.layer);
    }
    if (heartbeat.step >= 0) {
        text += fmt::format(", step {}", heartbeat.step);
    }
    return text;
}

// Ranks that say the same thing are named together; the latest in the work come last.
struct Line {
    int order = 0;             ///< 0 silent, 1 at work of its own, 2 waiting
    std::uint64_t shared = 0;  ///< of waiting ones
    std::string verb;
    std::string rest;

    auto operator<=>(Line const&) const = default;
};

Line line_of(RankState const& state) {
    if (!state.heartbeat) {
        return {0, 0, "silent", "; never seen"};
    }
    auto const& heartbeat = *state.heartbeat;
    auto const who = fmt::format(" ({}, process {})", heartbeat.host, heartbeat.process);
    if (state.is_silent) {
        return {0, 0, "silent", "; last seen in " + place(heartbeat) + who};
    }
    if (heartbeat.call.empty()) {
        return {1, 0, "busy", " in " + place(heartbeat) + who};
    }
    return {
        2, heartbeat.shared, "waiting",
        fmt::format(" in {} (number {}), {}", heartbeat.call, heartbeat.shared, place(heartbeat))};
}

Json to_json(Heartbeat const& heartbeat) {
    return {{"rank", heartbeat.rank},          {"host", heartbeat.host},
            {"process", heartbeat.process},    {"beat", heartbeat.beat},
            {"time", heartbeat.time},          {"unmoved_seconds", heartbeat.unmoved},
            {"step", heartbeat.step},          {"phase", heartbeat.phase},
            {"layer", heartbeat.layer},        {"waits_in", heartbeat.call},
            {"shared_waits", heartbeat.shared}};
}

}  // namespace

std::filesystem::path heartbeat_file(std::filesystem::path const& folder, int rank) {
    return folder / fmt::format("rank-{:05}.json", rank);
}

bool write_heartbeat(std::filesystem::path const& file, Heartbeat const& heartbeat) {
    return write_shared_line(file, to_json(heartbeat), IfFile::either);
}

std::optional<Heartbeat> read_heartbeat(std::filesystem::path const& file) {
    auto const value = read_shared_line(file);
    try {
        return Heartbeat{
            .rank = value.at("rank").get<int>(),
            .host = value.at("host").get<std::string>(),
            .process = value.at("process").get<std::int64_t>(),
            .beat = value.at("beat").get<std::uint64_t>(),
            .time = value.at("time").get<double>(),
            .unmoved = value.at("unmoved_seconds").get<double>(),
            .phase = value.at("phase").get<std::string>(),
            .call = value.at("waits_in").get<std::string>(),
            .layer = value.at("layer").get<std::int64_t>(),
            .step = value.at("step").get<std::int64_t>(),
            .shared = value.at("shared_waits").get<std::uint64_t>()};
    } catch (Json::exception const&) {
        return std::nullopt;  // another program's file
    }
}

std::string describe_hang(std::span<RankState const> ranks) {
    std::map<Line, std::vector<int>> lines;
    std::map<Line, double> seconds;
    for (std::size_t rank = 0; rank < ranks.size(); ++rank) {
        auto const line = line_of(ranks[rank]);
        lines[line].push_back(static_cast<int>(rank));
        auto& longest = seconds[line];
        longest = std::max(longest, ranks[rank].seconds);
    }
    std::string text;
    for (auto const& [line, members] : lines) {
        text += fmt::format(
            "{}{}: {} for {}{}", text.empty() ? "" : "\n", ranks_text(members), line.verb,
            duration_text(seconds[line]), line.rest
        );
    }
    return text;
}

std::string host_name() {
    std::array<char, 256> name{};
    return ::gethostname(name.data(), name.size() - 1) == 0 ? name.data() : "unknown host";
}

std::string ranks_text(std::span<int const> ranks) {
    std::string text = ranks.size() == 1 ? "rank " : "ranks ";
    for (std::size_t first = 0; first < ranks.size();) {
        auto last = first;
        while (last + 1 < ranks.size() && ranks[last + 1] == ranks[last] + 1) {
            ++last;
        }
        text += first > 0 ? ", " : "";
        text += last == first ? fmt::format("{}", ranks[first])
                              : fmt::format("{}-{}", ranks[first], ranks[last]);
        first = last + 1;
    }
    return text;
}

}  // namespace isogloss
