// train/event_file.h - scalars in the file format that TensorBoard reads.
#pragma once

#include <cstdint>
#include <filesystem>
#include <fstream>
#include <string>
#include <utility>
#include <vector>

namespace isogloss {

/// Appends one record a step: a protobuf message framed by its length and two masked CRC-32C sums
/// (TensorFlow's event.proto and TFRecord).
class EventFile {
public:
    /// Starts FOLDER/events.out.tfevents.<first step>.isogloss.
    /// @throws Error  (environment) when it cannot be written
    EventFile(std::filesystem::path const& folder, std::int64_t first_step);

    void write(std::int64_t step, std::vector<std::pair<std::string, double>> const& scalars);

private:
    void write_record(std::string const& message);

    std::filesystem::path path_;
    std::ofstream file_;
};

/// CRC-32C (Castagnoli) of bytes, masked as TFRecord wants: rotated right by 15, plus a constant.
std::uint32_t masked_crc32c(std::string const& bytes);

}  // namespace isogloss
