// checkpoint/fault_list.h - all that is wrong with one file, told at once.
#pragma once

#include <fmt/format.h>

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "base/require.h"

namespace isogloss {

/// Collects faults of a file, then throws them together.
class FaultList {
public:
    explicit FaultList(std::string source) : source_(std::move(source)) {}

    template <class... Args>
    void add(fmt::format_string<Args...> format, Args&&... args) {
        texts_.push_back(fmt::format(format, std::forward<Args>(args)...));
    }

    [[nodiscard]] std::string const& source() const { return source_; }
    [[nodiscard]] std::vector<std::string>& texts() { return texts_; }

    /// @throws Error  (data) "SOURCE has N faults:" and the first 20 of them, when there are any
    void throw_if_any() const {
        constexpr std::size_t kMostShown = 20;
        if (texts_.empty()) {
            return;
        }
        auto const shown = std::min(texts_.size(), kMostShown);
        std::string text;
        for (std::size_t i = 0; i < shown; ++i) {
            text += "\n    " + texts_[i];
        }
        if (shown < texts_.size()) {
            text += fmt::format("\n    and {} more", texts_.size() - shown);
        }
        fail(
            Exit::data, "{} has {} {}:{}", source_, texts_.size(),
            texts_.size() == 1 ? "fault" : "faults", text
        );
    }

private:
    std::string source_;
    std::vector<std::string> texts_;
};

}  // namespace isogloss
