// checkpoint/shard_file.cpp
#include "checkpoint/shard_file.h"

#include <fmt/ranges.h>

#include <algorithm>
#include <functional>
#include <numeric>
#include <system_error>

#include "base/file.h"
#include "base/require.h"

namespace isogloss {
namespace {

void require_form(Hdf5File const& file, TensorRecord const& tensor) {
    auto const info = file.info(tensor.name);
    require_data(
        info.type == stored_as(tensor.dtype) && info.shape == tensor.shape,
        "{}: {} is {} [{}], the manifest says {} [{}]", file.path().string(), tensor.name,
        name_of(info.type), fmt::join(info.shape, ", "), name_of(tensor.dtype),
        fmt::join(tensor.shape, ", ")
    );
}

void require_hash(std::string const& found, Hdf5File const& file, TensorRecord const& tensor) {
    require_data(
        found == tensor.sha256,
        "{}: the bytes of {} hash to {}, the manifest says {}; the file is damaged",
        file.path().string(), tensor.name, found, tensor.sha256
    );
}

}  // namespace

StoredType stored_as(DType type) {
    return type == DType::bf16 ? StoredType::bf16 : StoredType::f32;
}

ShardWriter::ShardWriter(std::filesystem::path const& folder, std::string const& file)
    : path_(folder / file), writer_(path_) {
    finished_.shard.file = file;
}

void ShardWriter::begin_tensor(
    std::string const& name, std::vector<std::int64_t> const& shape, DType dtype
) {
    writer_.create(name, stored_as(dtype), shape);
    finished_.tensors.push_back({name, shape, dtype, finished_.shard.file, {}});
    row_bytes_ = std::accumulate(
        shape.begin() + 1, shape.end(), bytes_of(dtype), std::multiplies<std::int64_t>()
    );
    next_row_ = 0;
    hash_ = Sha256();
}

void ShardWriter::append(std::span<std::byte const> bytes) {
    auto const rows = static_cast<std::int64_t>(bytes.size()) / row_bytes_;
    require(
        rows * row_bytes_ == static_cast<std::int64_t>(bytes.size()),
        "{}: {} bytes are no whole rows of {}", path_.string(), bytes.size(), row_bytes_
    );
    writer_.write_rows(finished_.tensors.back().name, next_row_, rows, bytes);
    hash_.update(bytes.data(), bytes.size());
    next_row_ += rows;
}

void ShardWriter::end_tensor() {
    auto& tensor = finished_.tensors.back();
    require(
        next_row_ == tensor.shape.front(), "{}: {} has {} of its {} rows", path_.string(),
        tensor.name, next_row_, tensor.shape.front()
    );
    tensor.sha256 = hash_.finish();
}

void ShardWriter::write(
    std::string const& name,
    std::vector<std::int64_t> const& shape,
    DType dtype,
    std::span<std::byte const> bytes
) {
    begin_tensor(name, shape, dtype);
    append(bytes);
    end_tensor();
}

FinishedShard ShardWriter::finish() {
    writer_.close();
    std::error_code error;
    finished_.shard.bytes = static_cast<std::int64_t>(std::filesystem::file_size(path_, error));
    require_environment(!error, "{}: {}", path_.string(), error.message());
    finished_.shard.sha256 = sha256_file(path_);
    return finished_;
}

std::string link_shard(
    std::filesystem::path const& from, std::filesystem::path const& to, ShardRecord const& shard
) {
    std::error_code error;
    // A link to a symbolic link would be one too, and lead nowhere from another folder.
    auto const source = std::filesystem::canonical(from / shard.file, error);
    if (error) {
        return error.message();
    }
    auto const bytes = std::filesystem::file_size(source, error);
    if (error) {
        return error.message();
    }
    if (bytes != static_cast<std::uintmax_t>(shard.bytes)) {
        return fmt::format("has {} bytes, its manifest says {}", bytes, shard.bytes);
    }
    std::filesystem::create_hard_link(source, to / shard.file, error);
    return error ? error.message() : std::string();
}

void copy_shard(
    std::filesystem::path const& from, std::filesystem::path const& to, ShardRecord const& shard
) {
    auto const target = to / shard.file;
    std::error_code error;
    std::filesystem::copy_file(from / shard.file, target, error);
    require_environment(
        !error, "{}: cannot be copied to {}: {}", (from / shard.file).string(), target.string(),
        error.message()
    );
    flush_to_disk(target);
    auto const found = sha256_file(target);
    require_data(
        found == shard.sha256,
        "{}: its bytes hash to {}, the manifest says {}; the file is damaged",
        (from / shard.file).string(), found, shard.sha256
    );
}

void read_tensor(
    Hdf5File const& file, TensorRecord const& tensor, std::span<std::byte> out, HashCheck check
) {
    require_form(file, tensor);
    file.read(tensor.name, stored_as(tensor.dtype), out);
    if (check == HashCheck::skip) {
        return;
    }
    Sha256 hash;
    hash.update(out.data(), out.size());
    require_hash(hash.finish(), file, tensor);
}

void check_tensor(Hdf5File const& file, TensorRecord const& tensor) {
    require_form(file, tensor);
    auto const begin = file.file_offset(tensor.name);
    constexpr std::int64_t kBlock = std::int64_t{1} << 22;  // the file is opened anew for each
    std::vector<std::byte> block(static_cast<std::size_t>(std::min(kBlock, tensor.bytes())));
    Sha256 hash;
    for (std::int64_t done = 0; done < tensor.bytes();) {
        auto const bytes = std::min(tensor.bytes() - done, std::ssize(block));
        auto const part = std::span(block).first(static_cast<std::size_t>(bytes));
        read_at(file.path(), begin + done, part);
        hash.update(part.data(), part.size());
        done += bytes;
    }
    require_hash(hash.finish(), file, tensor);
}

std::vector<std::byte> read_tensor(
    StoredCheckpoint const& checkpoint, TensorRecord const& tensor, HashCheck check
) {
    Hdf5File const file(checkpoint.folder / tensor.shard);
    require_form(file, tensor);  // before its size is believed
    std::vector<std::byte> bytes(static_cast<std::size_t>(tensor.bytes()));
    read_tensor(file, tensor, bytes, check);
    return bytes;
}

}  // namespace isogloss
