// tests/base/floors_test.cpp
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <regex>
#include <string>
#include <vector>

namespace {

// Ground floor first. Two names on a line are neighbours that may not see each other.
std::vector<std::vector<std::string>> const kFloors{
    {"base"},  {"device", "storage"}, {"kernels", "comm", "corpus"}, {"moe", "optim"},
    {"model"}, {"checkpoint"},        {"train", "growth"},           {"cli"},
};

constexpr int kMostLines = 400;

int floor_of(std::string const& folder) {
    for (std::size_t i = 0; i < kFloors.size(); ++i) {
        if (std::ranges::count(kFloors[i], folder) > 0) {
            return static_cast<int>(i);
        }
    }
    return -1;
}

struct SourceFile {
    std::string name;    // path under src, with '/'
    std::string folder;  // the floor
    std::vector<std::string> lines;
};

std::vector<SourceFile> source_files() {
    std::filesystem::path const source = ISOGLOSS_SOURCE_DIR;
    std::vector<SourceFile> files;
    for (auto const& entry : std::filesystem::recursive_directory_iterator(source)) {
        auto const extension = entry.path().extension();
        if (!entry.is_regular_file() ||
            (extension != ".h" && extension != ".cpp" && extension != ".cu")) {
            continue;
        }
        auto const path = entry.path().lexically_relative(source);
        SourceFile file{path.generic_string(), path.begin()->string(), {}};
        std::ifstream stream(entry.path());
        for (std::string line; std::getline(stream, line);) {
            file.lines.push_back(line);
        }
        files.push_back(file);
    }
    return files;
}

TEST(FloorsTest, IncludesGoDownNeverUpOrSideways) {
    std::regex const include(R"re(^\s*#include "([a-z_]+)/[a-z0-9_]+\.h")re");
    int seen = 0;
    for (auto const& file : source_files()) {
        for (std::size_t i = 0; i < file.lines.size(); ++i) {
            std::smatch match;
            if (!std::regex_search(file.lines[i], match, include)) {
                continue;
            }
            ++seen;
            std::string const theirs = match[1];
            EXPECT_TRUE(
                theirs == file.folder ||
                (floor_of(theirs) >= 0 && floor_of(theirs) < floor_of(file.folder))
            ) << file.name
              << ":" << i + 1 << ": " << file.folder << "/ may not include " << theirs << "/";
        }
    }
    EXPECT_GT(seen, 0) << "no includes found under " << ISOGLOSS_SOURCE_DIR;
}

TEST(FloorsTest, EveryFileLiesOnAFloor) {
    for (auto const& file : source_files()) {
        EXPECT_GE(floor_of(file.folder), 0) << file.name;
    }
}

TEST(FloorsTest, FilesBeginWithTheirPathAndHeadersWithTheirIdea) {
    for (auto const& file : source_files()) {
        ASSERT_FALSE(file.lines.empty()) << file.name << " is empty";
        auto const header = file.name.ends_with(".h");
        auto const start = "// " + file.name + (header ? " - " : "");
        EXPECT_TRUE(file.lines[0].starts_with(start))
            << file.name << ": the first line must begin with \"" << start << "\"";
    }
}

TEST(FloorsTest, NoFileOutgrowsAReader) {
    for (auto const& file : source_files()) {
        EXPECT_LE(file.lines.size(), kMostLines) << file.name << ": split it by its ideas";
    }
}

TEST(FloorsTest, OnlyCMakeKnowsAboutCuda) {
    std::regex const directive(R"re(^\s*#\s*(if|ifdef|ifndef|elif)\b)re");
    for (auto const& file : source_files()) {
        for (std::size_t i = 0; i < file.lines.size(); ++i) {
            EXPECT_FALSE(
                std::regex_search(file.lines[i], directive) &&
                file.lines[i].find("CUDA") != std::string::npos
            ) << file.name
              << ":" << i + 1 << ": a device is chosen by a view, not by the preprocessor";
        }
    }
}

}  // namespace
