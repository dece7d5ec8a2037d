// checkpoint/shard_image.cpp
#include "checkpoint/shard_image.h"

#include <sys/mman.h>

#include <algorithm>
#include <cstring>
#include <utility>

#include "base/file.h"
#include "base/hash.h"
#include "base/require.h"
#include "checkpoint/shard_file.h"
#include "kernels/parallel.h"
#include "storage/hdf5_file.h"
#include "storage/hdf5_writer.h"

namespace isogloss {
namespace {

constexpr std::size_t kSlice = std::size_t{1} << 24;  // bytes after which the disk gets its share
// Most bytes that HDF5 adds, to a file and to each of its tensors.
constexpr std::int64_t kHeaders = 8192;
constexpr std::int64_t kHeaderOfTensor = 1024;

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

// Headers, which lie between tensors.
void hash_gap(
    std::filesystem::path const& path, std::int64_t begin, std::int64_t end, Sha256& hash
) {
    if (begin == end) {
        return;
    }
    std::vector<std::byte> gap(static_cast<std::size_t>(end - begin));
    read_at(path, begin, gap);
    hash.update(gap.data(), gap.size());
}

}  // namespace

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

void ShardImage::create(std::filesystem::path const& folder) {
    require(
        filled_ == begins_.back(), "{}: has {} of its {} bytes", file_, filled_, begins_.back()
    );
    auto const path = folder / file_;
    Hdf5Writer writer(path);
    for (auto const& tensor : tensors_) {
        writer.create(tensor.name, stored_as(tensor.dtype), tensor.shape);
    }
    // HDF5 does not survive a disk that is full when it writes its headers.
    auto const headers = kHeaders + kHeaderOfTensor * std::ssize(tensors_);
    reserve_room(path, static_cast<std::int64_t>(begins_.back()) + headers);
    writer.close(Flush::by_caller);
    find_places(path);
}

void ShardImage::find_places(std::filesystem::path const& path) {
    Hdf5File const file(path);
    for (std::size_t i = 0; i < tensors_.size(); ++i) {
        auto const& tensor = tensors_[i];
        require_environment(
            file.info(tensor.name) == DatasetInfo{stored_as(tensor.dtype), tensor.shape},
            "{}: {} was written and reads back otherwise; the disk or its network is at fault",
            path.string(), tensor.name
        );
        places_.push_back({file.file_offset(tensor.name), i});
    }
    std::ranges::sort(places_, {}, &Place::begin);
    std::int64_t at = 0;
    for (auto const& place : places_) {
        require(at <= place.begin, "{}: two tensors have the byte {}", path.string(), place.begin);
        at = place.begin + std::ssize(bytes_of_tensor(place.tensor));
    }
    file_bytes_ = static_cast<std::int64_t>(std::filesystem::file_size(path));
}

void ShardImage::write(std::filesystem::path const& folder) const {
    auto const path = folder / file_;
    std::size_t waiting = 0;
    for (auto const& place : places_) {
        auto const bytes = bytes_of_tensor(place.tensor);
        for (std::size_t first = 0; first < bytes.size(); first += kSlice) {
            auto const slice = bytes.subspan(first, std::min(kSlice, bytes.size() - first));
            write_at(path, place.begin + static_cast<std::int64_t>(first), slice);
            waiting += slice.size();
            if (waiting >= kSlice) {
                begin_flush(path);
                waiting = 0;
            }
        }
    }
    begin_flush(path);
}

std::string ShardImage::hash_of_tensor(std::size_t index) const {
    auto const bytes = bytes_of_tensor(index);
    Sha256 hash;
    hash.update(bytes.data(), bytes.size());
    return hash.finish();
}

ShardRecord ShardImage::hash_of_file(std::filesystem::path const& folder) const {
    auto const path = folder / file_;
    Sha256 hash;
    std::int64_t at = 0;
    for (auto const& place : places_) {
        auto const bytes = bytes_of_tensor(place.tensor);
        hash_gap(path, at, place.begin, hash);
        hash.update(bytes.data(), bytes.size());
        at = place.begin + std::ssize(bytes);
    }
    hash_gap(path, at, file_bytes_, hash);
    return {file_, file_bytes_, hash.finish()};
}

}  // namespace isogloss
