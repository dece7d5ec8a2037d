// corpus/batch_test.cpp
#include "corpus/batch.h"

#include <gtest/gtest.h>

namespace isogloss {
namespace {

constexpr std::int32_t kSeparator = 9;

std::vector<std::int32_t> row_of(Buffer<std::int32_t> const& buffer, std::int64_t row) {
    auto const all = buffer.view().span();
    auto const length = static_cast<std::ptrdiff_t>(all.size() / 2);
    return {all.begin() + row * length, all.begin() + (row + 1) * length};
}

Batch poisoned_batch() {
    auto batch = make_batch(2, 5);
    for (auto const* buffer :
         {&batch.tokens, &batch.targets, &batch.position, &batch.document_start}) {
        std::ranges::fill(buffer->view().span(), -77);
    }
    return batch;
}

TEST(BatchTest, DocumentsBeginAtSeparatorsAndAtTheRowsStart) {
    auto batch = poisoned_batch();
    // The end of one document, then two whole ones: "3 4", "9 5", "9 6 7".
    fill_row(batch, 1, std::vector<std::int32_t>{3, 4, 9, 5, 9, 6}, kSeparator, 2);
    using Row = std::vector<std::int32_t>;
    EXPECT_EQ(row_of(batch.tokens, 1), (Row{3, 4, 9, 5, 9}));
    EXPECT_EQ(row_of(batch.targets, 1), (Row{4, 9, 5, 9, 6}));
    EXPECT_EQ(row_of(batch.position, 1), (Row{0, 1, 0, 1, 0}));
    EXPECT_EQ(row_of(batch.document_start, 1), (Row{0, 0, 2, 2, 4}));
    EXPECT_EQ(row_of(batch.tokens, 0), (Row{-77, -77, -77, -77, -77}));
    EXPECT_EQ(batch.language[1], 2);
    EXPECT_EQ(batch.counted_targets, 5);
}

TEST(BatchTest, NothingIsCountedBeyondTheStreamsEnd) {
    auto batch = poisoned_batch();
    fill_row(batch, 0, std::vector<std::int32_t>{9, 1, 2}, kSeparator, 0);
    using Row = std::vector<std::int32_t>;
    EXPECT_EQ(row_of(batch.tokens, 0), (Row{9, 1, 2, 9, 9}));
    EXPECT_EQ(row_of(batch.targets, 0), (Row{1, 2, kNoTarget, kNoTarget, kNoTarget}));
    EXPECT_EQ(row_of(batch.document_start, 0), (Row{0, 0, 0, 3, 4}));
    EXPECT_EQ(batch.counted_targets, 2);
}

TEST(BatchTest, NoRowsIsABatchToo) {
    auto const batch = make_batch(0, 5);
    EXPECT_EQ(batch.size(), 0);
    EXPECT_EQ(batch.tokens.size(), 0);
}

}  // namespace
}  // namespace isogloss
