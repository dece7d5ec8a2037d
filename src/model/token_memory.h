// model/token_memory.h - what a model keeps of sequences that it reads piece by piece.
#pragma once

#include <cstdint>
#include <vector>

#include "device/buffer.h"
#include "kernels/cached_attention.h"
#include "model/config.h"

namespace isogloss {

/// Keys and values of every block, and what the classifiers decided rows by, for S sequences of at
/// most C tokens. The first pass gives it the sequences' beginnings, padded to one length; every
/// further pass some tokens of each.
class TokenMemory {
public:
    /// @throws Error  (usage) when the model has fewer positions than `capacity`
    TokenMemory(ModelConfig const& config, std::int64_t sequences, std::int64_t capacity);

    [[nodiscard]] std::int64_t sequences() const { return sequences_; }
    [[nodiscard]] std::int64_t capacity() const { return capacity_; }
    /// Whether no pass has been made yet.
    [[nodiscard]] bool is_empty() const { return is_empty_; }
    void set_begun() { is_empty_ = false; }
    [[nodiscard]] std::int64_t bytes() const;

    template <class T>
    [[nodiscard]] KeyValueCache<T> layer(std::int32_t layer) const {
        auto const& its = keys_values_.at(static_cast<std::size_t>(layer));
        return {{reinterpret_cast<T*>(its.data()), {sequences_, capacity_, kept_width_}}};
    }
    /// [S, D] of a layer's classifier: sums over the tokens of the first pass, by which it decides
    /// about a sequence once and for all.
    [[nodiscard]] View<float, 2> class_sums(std::int32_t layer) const {
        return class_sums_.at(static_cast<std::size_t>(layer)).view<2>({sequences_, width_});
    }

private:
    std::int64_t sequences_;
    std::int64_t capacity_;
    std::int64_t kept_width_;
    std::int64_t width_;
    bool is_empty_ = true;
    std::vector<Memory> keys_values_;        ///< [layer]
    std::vector<Buffer<float>> class_sums_;  ///< [layer]
};

}  // namespace isogloss
