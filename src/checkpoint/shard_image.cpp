// checkpoint/shard_image.cpp
#include "checkpoint/shard_image.h"

#include <sys/mman.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <fstream>
#include <utility>

#include "base/file.h"
#include "base/hash.h"
#include "base/require.h"
#include "kernels/parallel.h"
#include "storage/hdf5_file.h"
#include "storage/hdf5_writer.h"

namespace isogloss {
namespace {

// Bytes that are written in one call: a reader of a corpus waits for the lock no longer than this
// takes.
constexpr std::int64_t kSlice = std::int64_t{1} << 24;
constexpr std::size_t kEnd = 4096;  // of a tensor: so many bytes are read back

StoredType stored(DType type) {
    return type == DType::bf16 ? StoredType::bf16 : StoredType::f32;
}

// Memory that is filled at once and freed soon: with huge pages, where the kernel has them on
// request, that costs a third.
std::unique_ptr<std::byte[]> host_memory(std::size_t size) {
    constexpr std::uintptr_t kPage = 4096;
    auto memory = std::make_unique_for_overwrite<std::byte[]>(size);
    auto const begin = reinterpret_cast<std::uintptr_t>(memory.get());
    auto const first = (begin + kPage - 1) / kPage * kPage;
    auto const last = (begin + size) / kPage * kPage;
    if (first < last) {
        ::madvise(reinterpret_cast<void*>(first), last - first, MADV_HUGEPAGE);  // only advice
    }
    return memory;
}

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

// Bytes of a file that was just written.
class WrittenFile {
public:
    explicit WrittenFile(std::filesystem::path const& path)
        : path_(path), stream_(path, std::ios::binary), size_(bytes_on_disk()) {}

    [[nodiscard]] std::int64_t size() const { return size_; }

    void read(std::int64_t first, std::span<char> out) {
        stream_.seekg(first);
        stream_.read(out.data(), static_cast<std::streamsize>(out.size()));
        require_environment(
            stream_.good(), "{}: was written and cannot be read back at byte {}", path_.string(),
            first
        );
    }

private:
    [[nodiscard]] std::int64_t bytes_on_disk() const {
        std::error_code error;
        auto const size = std::filesystem::file_size(path_, error);
        require_environment(
            !error, "{}: was written and is not there: {}", path_.string(), error.message()
        );
        return static_cast<std::int64_t>(size);
    }

    std::filesystem::path const& path_;
    std::ifstream stream_;
    std::int64_t size_;
};

// Headers, which lie between tensors.
void hash_gap(WrittenFile& file, std::int64_t begin, std::int64_t end, Sha256& hash) {
    std::array<char, kEnd> block{};
    while (begin < end) {
        auto const bytes = std::min<std::int64_t>(end - begin, kEnd);
        auto const part = std::span(block).first(static_cast<std::size_t>(bytes));
        file.read(begin, part);
        hash.update(part.data(), part.size());
        begin += bytes;
    }
}

}  // namespace

struct ShardImage::Place {
    std::int64_t begin = 0;
    std::size_t tensor = 0;
};

ShardImage::ShardImage(std::string file, std::vector<TensorRecord> tensors)
    : file_(std::move(file)), tensors_(std::move(tensors)), begins_{0} {
    for (auto const& tensor : tensors_) {
        begins_.push_back(begins_.back() + static_cast<std::size_t>(tensor.bytes()));
    }
    bytes_ = host_memory(begins_.back());
}

void ShardImage::append(std::span<std::byte const> bytes) {
    require(
        bytes.size() <= begins_.back() - filled_, "{}: gets more than its {} bytes", file_,
        begins_.back()
    );
    auto* const to = bytes_.get() + filled_;
    // All threads share the faults of the new pages.
    cpu::parallel_elements(std::ssize(bytes), [&](std::int64_t begin, std::int64_t end) {
        std::memcpy(to + begin, bytes.data() + begin, static_cast<std::size_t>(end - begin));
    });
    filled_ += bytes.size();
}

std::span<std::byte const> ShardImage::bytes_of_tensor(std::size_t index) const {
    return {bytes_.get() + begins_[index], begins_[index + 1] - begins_[index]};
}

void ShardImage::write(std::filesystem::path const& folder) const {
    require(
        filled_ == begins_.back(), "{}: has {} of its {} bytes", file_, filled_, begins_.back()
    );
    auto const path = folder / file_;
    Hdf5Writer writer(path);
    for (std::size_t i = 0; i < tensors_.size(); ++i) {
        auto const& record = tensors_[i];
        writer.create(record.name, stored(record.dtype), record.shape);
        auto const row_bytes = static_cast<std::size_t>(record.bytes() / record.shape.front());
        for_slices(record, [&](std::int64_t first, std::int64_t rows) {
            writer.write_rows(
                record.name, first, rows,
                bytes_of_tensor(i).subspan(
                    static_cast<std::size_t>(first) * row_bytes,
                    static_cast<std::size_t>(rows) * row_bytes
                )
            );
            if (static_cast<std::int64_t>(row_bytes) * rows >= kSlice / 2) {
                begin_flush(path);
            }
        });
    }
    writer.close(Flush::by_caller);
    begin_flush(path);
}

std::string ShardImage::hash_of_tensor(std::size_t index) const {
    auto const bytes = bytes_of_tensor(index);
    Sha256 hash;
    hash.update(bytes.data(), bytes.size());
    return hash.finish();
}

// In the order of the file.
std::vector<ShardImage::Place> ShardImage::places(std::filesystem::path const& path) const {
    Hdf5File const file(path);
    std::vector<Place> places;
    for (std::size_t i = 0; i < tensors_.size(); ++i) {
        auto const& record = tensors_[i];
        require_environment(
            file.info(record.name) == DatasetInfo{stored(record.dtype), record.shape},
            "{}: {} was written and reads back otherwise; the disk or its network is at fault",
            path.string(), record.name
        );
        places.push_back({file.file_offset(record.name), i});
    }
    std::ranges::sort(places, {}, &Place::begin);
    return places;
}

ShardRecord ShardImage::hash_of_file(std::filesystem::path const& folder) const {
    auto const path = folder / file_;
    WrittenFile file(path);
    Sha256 hash;
    std::int64_t at = 0;
    std::array<char, kEnd> room{};
    for (auto const& place : places(path)) {
        auto const bytes = bytes_of_tensor(place.tensor);
        auto const size = static_cast<std::int64_t>(bytes.size());
        auto const end = std::min(bytes.size(), kEnd);
        require(at <= place.begin, "{}: two tensors share the byte {}", path.string(), place.begin);
        for (auto const first : {std::size_t{0}, bytes.size() - end}) {
            file.read(place.begin + static_cast<std::int64_t>(first), std::span(room).first(end));
            require_environment(
                std::memcmp(room.data(), bytes.data() + first, end) == 0,
                "{}: {} was written and reads back otherwise; the disk or its network is at fault",
                path.string(), tensors_[place.tensor].name
            );
        }
        hash_gap(file, at, place.begin, hash);
        hash.update(bytes.data(), bytes.size());
        at = place.begin + size;
    }
    hash_gap(file, at, file.size(), hash);
    return {file_, file.size(), hash.finish()};
}

}  // namespace isogloss
