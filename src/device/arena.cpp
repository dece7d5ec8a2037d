// device/arena.cpp
#include "device/arena.h"

#include <algorithm>

#include "base/math.h"
#include "base/require.h"

namespace isogloss {
namespace {

constexpr std::int64_t kSmallestBlock = std::int64_t{1} << 20;
// A joined block has 1 / kSlack more than the highest size seen: peaks that creep up from step to
// step (routing is never the same) would otherwise make a new block each time.
constexpr std::int64_t kSlack = 8;

}  // namespace

Arena::Arena(Device device, std::int64_t first_bytes) : device_(device) {
    if (first_bytes > 0) {
        blocks_.emplace_back(device_, round_up(first_bytes, kAlignment));
        ++num_allocations_;
    }
}

std::byte* Arena::take_bytes(std::int64_t bytes) {
    auto const need = round_up(bytes, kAlignment);
    while (top_.block < blocks_.size() && top_.offset + need > blocks_[top_.block].bytes()) {
        ++top_.block;
        top_.offset = 0;
    }
    if (top_.block == blocks_.size()) {
        blocks_.emplace_back(device_, std::max(need, kSmallestBlock));
        ++num_allocations_;
    }
    auto* const taken = blocks_[top_.block].data() + top_.offset;
    top_.offset += need;
    std::int64_t used = top_.offset;
    for (std::size_t i = 0; i < top_.block; ++i) {
        used += blocks_[i].bytes();
    }
    peak_ = std::max(peak_, used);
    return taken;
}

Arena::Mark Arena::mark() const {
    return top_;
}

void Arena::release(Mark mark) {
    require(
        mark.block < top_.block || (mark.block == top_.block && mark.offset <= top_.offset),
        "arena: released to a mark above the top; marks must be released in reverse order"
    );
    top_ = mark;
}

void Arena::reset() {
    top_ = {};
    if (blocks_.size() > 1) {
        blocks_.clear();
        blocks_.emplace_back(device_, round_up(peak_ + peak_ / kSlack, kAlignment));
        ++num_allocations_;
    }
}

}  // namespace isogloss
