// fuzz/replay_main.cpp - a fuzz target without a fuzzer: seeds, known bad files, fixed mutations.
//
//     TARGET_replay                    reads all of them
//     TARGET_replay FILE...            reads these files
//     TARGET_replay --write-seeds DIR  writes the seeds, for a fuzzer to begin with
#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <vector>

#include "base/random.h"
#include "fuzz/fuzz_target.h"

namespace isogloss::fuzz {
namespace {

namespace fs = std::filesystem;

constexpr std::uint64_t kMutations = 300;  // of all seeds together

std::string content_of(fs::path const& path) {
    std::ifstream file(path, std::ios::binary);
    return {std::istreambuf_iterator<char>(file), {}};
}

// Mutation `index`: cut, or some bits flipped, or a run of bytes set, doubled or taken out.
std::string mutated(std::string bytes, std::uint64_t index) {
    auto draw = [index, count = std::uint64_t{0}](std::uint64_t below) mutable {
        return static_cast<std::size_t>(
            random_bits(1, index, count++) % std::max(below, std::uint64_t{1})
        );
    };
    auto const at = draw(bytes.size());
    auto const length = std::min(bytes.size() - at, 1 + draw(32));
    switch (draw(6)) {
        case 0: bytes.resize(at); break;
        case 1: bytes.replace(at, length, length, '\xFF'); break;
        case 2: bytes.replace(at, length, length, '\0'); break;
        case 3: bytes.insert(at, bytes.substr(at, length)); break;
        case 4: bytes.erase(at, length); break;
        default:
            for (auto flips = 1 + draw(8); flips > 0 && !bytes.empty(); --flips) {
                auto& byte = bytes[draw(bytes.size())];
                byte = static_cast<char>(byte ^ (1 << draw(8)));
            }
    }
    return bytes;
}

void write_seeds(fs::path const& folder) {
    fs::create_directories(folder);
    int number = 0;
    for (auto const& seed : seeds()) {
        std::ofstream(folder / ("seed-" + std::to_string(number++)), std::ios::binary) << seed;
    }
}

// The folder of files that once broke the target: it has the program's name less `_replay`.
fs::path bad_files(fs::path const& program) {
    auto const name = program.filename().string();
    return fs::path(ISOGLOSS_FUZZ_SEEDS) / name.substr(0, name.rfind("_replay"));
}

void replay_all(fs::path const& folder) {
    auto whole = seeds();
    if (fs::exists(folder)) {
        for (auto const& entry : fs::directory_iterator(folder)) {
            whole.push_back(content_of(entry.path()));
        }
    }
    for (auto const& seed : whole) {
        read_and_judge(seed);
    }
    for (std::uint64_t i = 0; i < kMutations; ++i) {
        read_and_judge(mutated(whole[i % whole.size()], i));
    }
    std::printf(
        "%zu seeds, %d mutations: each read or refused\n", whole.size(),
        static_cast<int>(kMutations)
    );
}

}  // namespace
}  // namespace isogloss::fuzz

int main(int argc, char** argv) {
    using namespace isogloss::fuzz;
    std::vector<std::string> const words(argv + 1, argv + argc);
    if (words.size() == 2 && words[0] == "--write-seeds") {
        write_seeds(words[1]);
    } else if (words.empty()) {
        replay_all(bad_files(argv[0]));
    } else {
        for (auto const& word : words) {
            read_and_judge(content_of(word));
        }
    }
    return 0;
}
