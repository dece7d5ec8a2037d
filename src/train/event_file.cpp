// train/event_file.cpp
#include "train/event_file.h"

#include <bit>
#include <boost/crc.hpp>
#include <chrono>
#include <cstring>

#include "base/file.h"
#include "base/require.h"

namespace isogloss {
namespace {

template <class T>
std::string little_endian(T value) {
    static_assert(std::endian::native == std::endian::little);
    std::string bytes(sizeof(T), '\0');
    std::memcpy(bytes.data(), &value, sizeof(T));
    return bytes;
}

std::string varint(std::uint64_t value) {
    std::string bytes;
    for (; value >= 0x80U; value >>= 7U) {
        bytes += static_cast<char>((value & 0x7FU) | 0x80U);
    }
    return bytes + static_cast<char>(value);
}

// Protobuf's wire types: 0 varint, 1 eight bytes, 2 length and bytes, 5 four bytes.
std::string field(unsigned number, unsigned wire_type, std::string const& bytes) {
    return varint(number << 3U | wire_type) + bytes;
}
std::string message_field(unsigned number, std::string const& bytes) {
    return field(number, 2, varint(bytes.size()) + bytes);
}

std::string event_head(std::int64_t step) {
    double const wall_time =
        std::chrono::duration<double>(std::chrono::system_clock::now().time_since_epoch()).count();
    return field(1, 1, little_endian(wall_time)) +
           field(2, 0, varint(static_cast<std::uint64_t>(step)));
}

}  // namespace

std::uint32_t masked_crc32c(std::string const& bytes) {
    boost::crc_optimal<32, 0x1EDC6F41U, 0xFFFFFFFFU, 0xFFFFFFFFU, true, true> crc;
    crc.process_bytes(bytes.data(), bytes.size());
    return std::rotr(static_cast<std::uint32_t>(crc.checksum()), 15) + 0xA282EAD8U;
}

EventFile::EventFile(std::filesystem::path const& folder, std::int64_t first_step)
    : path_(folder / fmt::format("events.out.tfevents.{:010}.isogloss", first_step)) {
    make_folders(folder);
    file_.open(path_, std::ios::binary | std::ios::trunc);
    require_environment(file_.is_open(), "{}: cannot be opened for writing", path_.string());
    write_record(event_head(first_step) + message_field(3, "brain.Event:2"));
}

void EventFile::write(
    std::int64_t step, std::vector<std::pair<std::string, double>> const& scalars
) {
    std::string summary;
    for (auto const& [tag, value] : scalars) {
        summary += message_field(
            1, message_field(1, tag) + field(2, 5, little_endian(static_cast<float>(value)))
        );
    }
    write_record(event_head(step) + message_field(5, summary));
}

void EventFile::write_record(std::string const& message) {
    auto const length = little_endian(static_cast<std::uint64_t>(message.size()));
    file_ << length << little_endian(masked_crc32c(length)) << message
          << little_endian(masked_crc32c(message));
    file_.flush();
    require_environment(file_.good(), "{}: writing failed; is the disk full?", path_.string());
}

}  // namespace isogloss
