// checkpoint/attempt.cpp
#include "checkpoint/attempt.h"

#include <algorithm>

#include "comm/collective.h"

namespace isogloss {

void Attempt::agree(MpiComm const& group) const {
    auto const mine = failure_
                          ? std::to_string(static_cast<int>(failure_->code)) + " " + failure_->text
                          : std::string();
    auto const all = gather_all(mine, group);
    auto const first = std::ranges::find_if(all, [](auto const& text) { return !text.empty(); });
    if (first == all.end()) {
        return;
    }
    auto const blank = first->find(' ');
    throw Error(static_cast<Exit>(std::stoi(first->substr(0, blank))), first->substr(blank + 1));
}

}  // namespace isogloss
