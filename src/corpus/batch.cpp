// corpus/batch.cpp
#include "corpus/batch.h"

#include "base/require.h"

namespace isogloss {

Batch make_batch(std::int64_t rows, std::int64_t row_length) {
    require(rows >= 0 && row_length > 0, "a batch of {} rows of {} tokens", rows, row_length);
    Batch batch;
    batch.rows = rows;
    batch.row_length = row_length;
    batch.tokens = Buffer<std::int32_t>(Device::cpu, batch.size());
    batch.targets = Buffer<std::int32_t>(Device::cpu, batch.size());
    batch.position = Buffer<std::int32_t>(Device::cpu, batch.size());
    batch.document_start = Buffer<std::int32_t>(Device::cpu, batch.size());
    batch.language.resize(static_cast<std::size_t>(rows));
    return batch;
}

void fill_row(
    Batch& batch,
    std::int64_t row,
    std::span<std::int32_t const> stream,
    std::int32_t separator,
    std::int32_t language
) {
    auto const given = static_cast<std::int64_t>(stream.size());
    require(
        0 <= row && row < batch.rows && 1 <= given && given <= batch.row_length + 1,
        "row {} of {} from {} tokens; rows take 1 to {}", row, batch.rows, given,
        batch.row_length + 1
    );
    auto const first = row * batch.row_length;
    auto* const tokens = batch.tokens.data() + first;
    auto* const targets = batch.targets.data() + first;
    auto* const position = batch.position.data() + first;
    auto* const document_start = batch.document_start.data() + first;
    std::int32_t start = 0;
    for (std::int32_t t = 0; t < batch.row_length; ++t) {
        auto const at = static_cast<std::size_t>(t);
        tokens[t] = t < given ? stream[at] : separator;
        targets[t] = t + 1 < given ? stream[at + 1] : kNoTarget;
        start = tokens[t] == separator ? t : start;
        document_start[t] = start;
        position[t] = t - start;
    }
    batch.counted_targets += given - 1;
    batch.language[static_cast<std::size_t>(row)] = language;
}

}  // namespace isogloss
