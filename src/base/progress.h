// base/progress.h - how far long work is: a bar on a terminal, now and then a line elsewhere.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/clock.h"

namespace isogloss {

/// `automatic` is a bar where standard error is a terminal, lines where it is not.
enum class ProgressStyle : std::uint8_t { automatic, bar, lines, none };

/// `asked` on rank 0, none on the others.
ProgressStyle progress_style(ProgressStyle asked, int rank);

/// Shows work that is `total` units long, on standard error (standard output stays clean for
/// --json).
///
///     Progress progress(progress_style(ProgressStyle::automatic, rank), "corpus", bytes, "B");
///     for (...) { progress.update(done, language); }
///     progress.finish();
///
/// A bar: `corpus  [=========>          ]  46 %  12.1 MB/s  00:18 left  el`, redrawn at most ten
/// times a second. Lines: the same without the bar, at most one in ten seconds. Cheap enough to
/// call for every record.
class Progress {
public:
    /// @param total  in units; <= 0 when it is not known (no per cent, no time left)
    /// @param unit   "tokens", "steps", "B"; the rate is in units a second, with k, M, G
    Progress(ProgressStyle style, std::string what, double total, std::string unit);
    Progress(Progress const&) = delete;
    Progress& operator=(Progress const&) = delete;
    /// Ends the redrawn line, so that what is printed next begins on its own.
    ~Progress();

    /// Work done since the beginning, in units; `note` stands at the end of the line.
    void update(double done, std::string_view note = {});
    /// The units that were done before this program began (a resumed run): they count for the
    /// per cent, not for the rate. Call before the first update.
    void start_at(double done);
    /// Shows the final state and ends the line. Later calls do nothing.
    void finish();

    /// The line that would be shown, without the bar; for logs and tests.
    [[nodiscard]] std::string line(double seconds) const;

private:
    void draw();

    ProgressStyle style_;
    std::string what_;
    std::string unit_;
    std::string note_;
    double total_;
    double first_ = 0.0;
    double done_ = 0.0;
    double shown_at_ = -1.0;  ///< seconds of the last drawing
    bool drawn_ = false;      ///< a bar stands on the terminal's last line
    bool finished_ = false;
    Timer timer_;
};

}  // namespace isogloss
