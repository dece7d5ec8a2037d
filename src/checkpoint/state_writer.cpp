// checkpoint/state_writer.cpp
#include "checkpoint/state_writer.h"

#include <algorithm>
#include <map>
#include <tuple>

#include "base/require.h"
#include "comm/collective.h"
#include "comm/mpi_check.h"
#include "device/copy.h"

namespace isogloss {
namespace {

constexpr std::int64_t kChunk = std::int64_t{1} << 22;  // elements: 16 MiB on their way at once
constexpr int kTag = 71;

/// Every rank's list of numbers, of whatever lengths, in rank order.
std::vector<std::vector<std::int64_t>> gather_lists(
    std::vector<std::int64_t> mine, MpiComm const& world
) {
    auto const size = static_cast<std::int64_t>(mine.size());
    auto const sizes = gather_all(std::span(&size, 1), world);
    auto const longest = std::ranges::max(sizes);
    mine.resize(static_cast<std::size_t>(longest));
    auto const all = gather_all(mine, world);
    std::vector<std::vector<std::int64_t>> lists;
    for (std::size_t r = 0; r < sizes.size(); ++r) {
        auto const first = all.begin() + static_cast<std::ptrdiff_t>(r) * longest;
        lists.emplace_back(first, first + sizes[r]);
    }
    return lists;
}

}  // namespace

View<float, 1> state_view(StatePiece const& piece, std::string_view kind) {
    return kind == "m" ? piece.m : kind == "v" ? piece.v : piece.master;
}

StateOwners::StateOwners(
    std::span<ParameterSpec const> specs, std::span<StatePiece const> mine, MpiComm const& world
) {
    std::vector<std::int64_t> numbers;
    for (auto const& piece : mine) {
        numbers.push_back(static_cast<std::int64_t>(piece.parameter));
        numbers.push_back(piece.range.begin);
        numbers.push_back(piece.range.end);
    }
    auto const lists = gather_lists(numbers, world);
    for (std::size_t r = 0; r < lists.size(); ++r) {
        for (std::size_t i = 0; i + 2 < lists[r].size(); i += 3) {
            owners_.push_back(
                {static_cast<std::size_t>(lists[r][i]),
                 {lists[r][i + 1], lists[r][i + 2]},
                 static_cast<int>(r),
                 i / 3}
            );
        }
    }
    std::ranges::sort(owners_, {}, [](Owner const& owner) {
        return std::tuple(owner.parameter, owner.range.begin, owner.range.end);
    });
    for (std::size_t p = 0; p < specs.size(); ++p) {
        std::int64_t covered = 0;
        for (auto const& owner : of(p)) {
            require(
                owner.range.begin == covered, "state of {}: elements from {} on are owned {}",
                specs[p].name, covered, owner.range.begin < covered ? "twice" : "by nobody"
            );
            covered = owner.range.end;
        }
        auto const wanted = specs[p].trainable ? specs[p].size() : 0;
        require(
            covered == wanted, "state of {}: {} of its {} elements are owned", specs[p].name,
            covered, wanted
        );
    }
}

std::span<StateOwners::Owner const> StateOwners::of(std::size_t parameter) const {
    auto const found = std::ranges::equal_range(owners_, parameter, {}, &Owner::parameter);
    return {found.begin(), found.end()};
}

int StateOwners::main_owner(std::span<std::size_t const> parameters) const {
    std::map<int, std::int64_t> owned;
    for (auto const parameter : parameters) {
        for (auto const& owner : of(parameter)) {
            owned[owner.rank] += owner.range.size();
        }
    }
    auto const most =
        std::ranges::max_element(owned, {}, [](auto const& entry) { return entry.second; });
    return most == owned.end() ? 0 : most->first;
}

void StateGatherer::gather(
    std::size_t parameter,
    std::string_view kind,
    int writer,
    std::optional<ShardImage>& image,
    Attempt& attempt
) {
    for (auto const& owner : owners_.of(parameter)) {
        if (world_.rank() == owner.rank || world_.rank() == writer) {
            move(owner, kind, writer, image, attempt);
        }
    }
}

void StateGatherer::move(
    StateOwners::Owner const& owner,
    std::string_view kind,
    int writer,
    std::optional<ShardImage>& image,
    Attempt& attempt
) {
    auto const is_owner = world_.rank() == owner.rank;
    auto const view = is_owner ? state_view(mine_[owner.piece], kind) : View<float, 1>{};
    Buffer<float> room;
    for (std::int64_t first = 0; first < owner.range.size(); first += kChunk) {
        auto const count = std::min(kChunk, owner.range.size() - first);
        float const* data =
            is_owner ? on_host(view.rows(first, first + count), room, Stream{}).data : nullptr;
        if (is_owner && owner.rank != writer) {
            ISOGLOSS_MPI(
                MPI_Send(data, static_cast<int>(count), MPI_FLOAT, writer, kTag, world_.get())
            );
            continue;
        }
        if (!is_owner) {
            received_.resize(static_cast<std::size_t>(count));
            ISOGLOSS_MPI(MPI_Recv(
                received_.data(), static_cast<int>(count), MPI_FLOAT, owner.rank, kTag,
                world_.get(), MPI_STATUS_IGNORE
            ));
            data = received_.data();
        }
        auto const chunk = std::span(data, static_cast<std::size_t>(count));
        attempt.run([&] { image.value().append(std::as_bytes(chunk)); });
    }
}

}  // namespace isogloss
