// base/progress.cpp
#include "base/progress.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>

#include "base/text.h"

namespace isogloss {
namespace {

constexpr double kBarInterval = 0.1;     // seconds
constexpr double kLinesInterval = 10.0;  // seconds
constexpr int kBarWidth = 24;

std::string bar_text(double share) {
    auto const full = static_cast<int>(std::clamp(share, 0.0, 1.0) * kBarWidth);
    std::string bar(static_cast<std::size_t>(full), '=');
    bar += full < kBarWidth ? ">" : "";
    bar.resize(kBarWidth, ' ');
    return "[" + bar + "]  ";
}

}  // namespace

ProgressStyle progress_style(ProgressStyle asked, int rank) {
    return rank == 0 ? asked : ProgressStyle::none;
}

Progress::Progress(ProgressStyle style, std::string what, double total, std::string unit)
    : style_(style), what_(std::move(what)), unit_(std::move(unit)), total_(total) {
    if (style_ == ProgressStyle::automatic) {
        style_ = ::isatty(STDERR_FILENO) == 1 ? ProgressStyle::bar : ProgressStyle::lines;
    }
}

Progress::~Progress() {
    if (drawn_) {
        std::fputc('\n', stderr);
    }
}

void Progress::start_at(double done) {
    first_ = done;
    done_ = done;
}

void Progress::update(double done, std::string_view note) {
    done_ = done;
    if (style_ == ProgressStyle::none || finished_) {
        return;
    }
    note_ = note;
    auto const now = timer_.seconds();
    // The first line of a log comes after an interval: short work needs none but the last.
    auto const last = shown_at_ < 0 && style_ == ProgressStyle::lines ? 0.0 : shown_at_;
    if (last < 0 || now - last >= (style_ == ProgressStyle::bar ? kBarInterval : kLinesInterval)) {
        shown_at_ = now;
        draw();
    }
}

void Progress::finish() {
    if (style_ == ProgressStyle::none || finished_) {
        return;
    }
    note_ = "in " + duration_text(timer_.seconds());
    draw();
    if (drawn_) {
        std::fputc('\n', stderr);
        drawn_ = false;
    }
    finished_ = true;
}

std::string Progress::line(double seconds) const {
    auto const rate = seconds > 0 ? (done_ - first_) / seconds : 0.0;
    std::string text;
    if (total_ > 0) {
        text = fmt::format("{:3.0f} %", 100.0 * std::clamp(done_ / total_, 0.0, 1.0));
    } else {
        text = count_text(done_) + " " + unit_;
    }
    auto const scaled = count_text(rate);
    auto const blank = scaled.find(' ') == std::string::npos || unit_.size() > 2 ? " " : "";
    text += "  " + scaled + blank + unit_ + "/s";
    if (total_ > 0 && rate > 0 && done_ < total_) {
        text += "  " + duration_text((total_ - done_) / rate) + " left";
    }
    return text + (note_.empty() ? "" : "  " + note_);
}

void Progress::draw() {
    auto const text = line(timer_.seconds());
    if (style_ == ProgressStyle::lines) {
        std::fputs((what_ + "  " + text + "\n").c_str(), stderr);
        return;
    }
    auto const bar = total_ > 0 ? bar_text(done_ / total_) : std::string();
    std::fputs(("\r" + what_ + "  " + bar + text + "\033[K").c_str(), stderr);  // K: clear the rest
    std::fflush(stderr);
    drawn_ = true;
}

}  // namespace isogloss
