// support/shared_folder.h - one temporary folder for all ranks of a test.
#pragma once

#include <mpi.h>
#include <unistd.h>

#include <array>
#include <cstddef>
#include <cstdio>
#include <filesystem>
#include <string>

namespace isogloss::test {

/// Made by rank 0 and removed by it when all are done. Collective over the world.
class SharedFolder {
public:
    SharedFolder() {
        std::array<char, 512> name{};
        int rank = 0;
        MPI_Comm_rank(MPI_COMM_WORLD, &rank);
        owner_ = rank == 0;
        if (owner_) {
            static int count = 0;
            auto const path =
                std::filesystem::temp_directory_path() /
                ("isogloss-ranks-" + std::to_string(::getpid()) + "-" + std::to_string(count++));
            std::filesystem::create_directories(path);
            std::snprintf(name.data(), name.size(), "%s", path.c_str());
        }
        MPI_Bcast(name.data(), static_cast<int>(name.size()), MPI_CHAR, 0, MPI_COMM_WORLD);
        path_ = name.data();
    }
    ~SharedFolder() {
        MPI_Barrier(MPI_COMM_WORLD);
        if (owner_) {
            std::error_code error;
            std::filesystem::remove_all(path_, error);
        }
    }
    SharedFolder(SharedFolder const&) = delete;
    SharedFolder& operator=(SharedFolder const&) = delete;

    [[nodiscard]] std::filesystem::path operator/(std::string const& name) const {
        return path_ / name;
    }
    [[nodiscard]] std::filesystem::path const& path() const { return path_; }

private:
    std::filesystem::path path_;
    bool owner_ = false;
};

}  // namespace isogloss::test
