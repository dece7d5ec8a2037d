// checkpoint/optimizer_state.cpp
#include "checkpoint/optimizer_state.h"

namespace isogloss {

std::vector<StatePiece> state_pieces(ParameterTable const& parameters, Optimizer const& optimizer) {
    std::vector<StatePiece> pieces;
    for (std::size_t i = 0; i < optimizer.shards().size(); ++i) {
        auto const& shard = optimizer.shards()[i];
        for (auto const& piece : optimizer.pieces(i)) {
            bool const is_own_master = parameters.specs()[piece.parameter].dtype == DType::f32;
            auto const [begin, end] = piece.in_shard;
            pieces.push_back(
                {.parameter = piece.parameter,
                 .range = piece.in_parameter,
                 .master = is_own_master ? View<float, 1>{} : shard.master().rows(begin, end),
                 .m = shard.first_moment().rows(begin, end),
                 .v = shard.second_moment().rows(begin, end)}
            );
        }
    }
    return pieces;
}

}  // namespace isogloss
