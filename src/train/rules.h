// train/rules.h - faults of a config, collected so that all are told at once.
#pragma once

#include <fmt/format.h>

#include <string>
#include <utility>
#include <vector>

namespace isogloss {

class Rules {
public:
    template <class... Args>
    void expect(bool holds, fmt::format_string<Args...> text, Args&&... args) {
        if (!holds) {
            faults_.push_back(fmt::format(text, std::forward<Args>(args)...));
        }
    }
    void add(std::vector<std::string> const& faults) {
        faults_.insert(faults_.end(), faults.begin(), faults.end());
    }
    std::vector<std::string> take() { return std::move(faults_); }

private:
    std::vector<std::string> faults_;
};

}  // namespace isogloss
