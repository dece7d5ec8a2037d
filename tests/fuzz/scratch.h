// fuzz/scratch.h - a folder in memory for the files that a target reads.
#pragma once

#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <string>
#include <string_view>

namespace isogloss::fuzz {

class Scratch {
public:
    Scratch() {
        auto const memory = std::filesystem::path("/dev/shm");
        auto const parent =
            std::filesystem::is_directory(memory) ? memory : std::filesystem::temp_directory_path();
        path_ = parent / ("isogloss-fuzz-" + std::to_string(::getpid()));
        std::filesystem::create_directories(path_);
    }
    ~Scratch() {
        std::error_code ignored;
        std::filesystem::remove_all(path_, ignored);
    }
    Scratch(Scratch const&) = delete;
    Scratch& operator=(Scratch const&) = delete;

    [[nodiscard]] std::filesystem::path const& path() const { return path_; }

    /// The file's path, with `bytes` in it.
    std::filesystem::path write(std::string const& name, std::string_view bytes) const {
        std::ofstream(path_ / name, std::ios::binary) << bytes;
        return path_ / name;
    }

private:
    std::filesystem::path path_;
};

}  // namespace isogloss::fuzz
