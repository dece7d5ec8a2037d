// checkpoint/state_writer.h - gathers the optimizer's state from its owners for one file.
#pragma once

#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "checkpoint/attempt.h"
#include "checkpoint/optimizer_state.h"
#include "checkpoint/shard_image.h"
#include "comm/mpi_comm.h"

namespace isogloss {

/// Who owns which elements of which parameter's state, the same on every rank.
class StateOwners {
public:
    struct Owner {
        std::size_t parameter = 0;
        Range range;
        int rank = 0;
        std::size_t piece = 0;  ///< its place in that rank's list
    };

    /// Collective over `world`.
    /// @throws Error  when the pieces do not cover each trainable parameter exactly once
    StateOwners(
        std::span<ParameterSpec const> specs, std::span<StatePiece const> mine, MpiComm const& world
    );

    /// Owners of one parameter, in the order of its elements.
    [[nodiscard]] std::span<Owner const> of(std::size_t parameter) const;

    /// The rank that owns most elements of these parameters, the lowest of several: where their
    /// state travels least.
    [[nodiscard]] int main_owner(std::span<std::size_t const> parameters) const;

private:
    std::vector<Owner> owners_;  ///< by parameter, then by first element
};

/// Sends one tensor of state to the rank `writer`, which appends it to `image`. Collective over
/// `world`: every rank calls it, for the same tensors in the same order; only `writer` has an
/// image. A fault is kept in `attempt`, and the remaining elements are still received.
class StateGatherer {
public:
    StateGatherer(StateOwners const& owners, std::span<StatePiece const> mine, MpiComm const& world)
        : owners_(owners), mine_(mine), world_(world) {}

    void gather(
        std::size_t parameter,
        std::string_view kind,
        int writer,
        std::optional<ShardImage>& image,
        Attempt& attempt
    );

private:
    void move(
        StateOwners::Owner const& owner,
        std::string_view kind,
        int writer,
        std::optional<ShardImage>& image,
        Attempt& attempt
    );

    StateOwners const& owners_;
    std::span<StatePiece const> mine_;
    MpiComm const& world_;
    std::vector<float> received_;
};

/// The view of one kind of a piece: "master", "m" or "v".
View<float, 1> state_view(StatePiece const& piece, std::string_view kind);

}  // namespace isogloss
