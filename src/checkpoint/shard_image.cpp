// checkpoint/shard_image.cpp
#include "checkpoint/shard_image.h"

#include <algorithm>
#include <cstring>
#include <utility>

#include "base/require.h"

namespace isogloss {
namespace {

// Bytes that are written or read in one call: a reader of a corpus waits for the lock no longer
// than these take.
constexpr std::int64_t kSlice = std::int64_t{1} << 24;

// Calls work(first row, rows) for slices of a tensor, in order.
template <class F>
void for_slices(TensorRecord const& tensor, F&& work) {
    auto const rows = tensor.shape.front();
    auto const row_bytes = tensor.bytes() / rows;
    auto const at_once = std::max<std::int64_t>(1, kSlice / row_bytes);
    for (std::int64_t first = 0; first < rows; first += at_once) {
        work(first, std::min(at_once, rows - first));
    }
}

}  // namespace

void ShardImage::begin_tensor(TensorRecord const& tensor) {
    auto const size = static_cast<std::size_t>(tensor.bytes());
    tensors_.push_back({tensor, std::make_unique_for_overwrite<std::byte[]>(size), size, 0});
}

void ShardImage::append(std::span<std::byte const> bytes) {
    auto& tensor = tensors_.back();
    require(
        bytes.size() <= tensor.size - tensor.filled, "{}: {} gets more than its {} bytes", file_,
        tensor.record.name, tensor.size
    );
    std::memcpy(tensor.bytes.get() + tensor.filled, bytes.data(), bytes.size());
    tensor.filled += bytes.size();
}

FinishedShard ShardImage::write(std::filesystem::path const& folder) const {
    ShardWriter writer(folder, file_);
    for (auto const& tensor : tensors_) {
        auto const& record = tensor.record;
        require(
            tensor.filled == tensor.size, "{}: {} has {} of its {} bytes", file_, record.name,
            tensor.filled, tensor.size
        );
        writer.begin_tensor(record.name, record.shape, record.dtype);
        auto const row_bytes = static_cast<std::size_t>(record.bytes() / record.shape.front());
        for_slices(record, [&](std::int64_t first, std::int64_t rows) {
            writer.append(tensor.span().subspan(
                static_cast<std::size_t>(first) * row_bytes,
                static_cast<std::size_t>(rows) * row_bytes
            ));
        });
        writer.end_tensor();
    }
    auto finished = writer.finish();
    Hdf5File const file(folder / file_);
    for (auto const& tensor : tensors_) {
        require_same(file, tensor);
    }
    return finished;
}

void ShardImage::require_same(Hdf5File const& file, Tensor const& tensor) {
    auto const& record = tensor.record;
    auto const row_bytes = static_cast<std::size_t>(record.bytes() / record.shape.front());
    auto const type = record.dtype == DType::bf16 ? StoredType::bf16 : StoredType::f32;
    std::vector<std::byte> room;
    for_slices(record, [&](std::int64_t first, std::int64_t rows) {
        room.resize(static_cast<std::size_t>(rows) * row_bytes);
        file.read(record.name, type, first, rows, room);
        auto const* mine = tensor.bytes.get() + static_cast<std::size_t>(first) * row_bytes;
        require_environment(
            std::memcmp(mine, room.data(), room.size()) == 0,
            "{}: {} was written and reads back otherwise; the disk or its network is at fault",
            file.path().string(), record.name
        );
    });
}

}  // namespace isogloss
