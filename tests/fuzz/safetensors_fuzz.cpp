// fuzz/safetensors_fuzz.cpp - safetensors files, opened and read to their last byte.
#include <numeric>

#include "fuzz/fuzz_target.h"
#include "fuzz/scratch.h"
#include "storage/safetensors.h"

namespace isogloss::fuzz {
namespace {

std::string file_of(std::string header, std::size_t data_bytes) {
    header.resize((header.size() + 7) / 8 * 8, ' ');
    std::string file(8, '\0');
    for (std::size_t i = 0; i < 8; ++i) {
        file[i] = static_cast<char>((header.size() >> (8 * i)) & 0xFFU);
    }
    return file + header + std::string(data_bytes, 'x');
}

}  // namespace

void read_hostile(std::string_view bytes) {
    static Scratch const kScratch;
    SafetensorsFile const file(kScratch.write("f.safetensors", bytes));
    std::size_t data = 0;
    unsigned sum = 0;
    for (auto const& tensor : file.tensors()) {
        auto const its = file.bytes(tensor);
        expect(file.find(tensor.name) == &tensor, "a tensor is found by its name");
        data += its.size();
        for (auto const byte : its) {
            sum += std::to_integer<unsigned>(byte);
        }
    }
    expect(data < bytes.size(), "tensors do not overlap");
    expect(sum <= 255 * bytes.size(), "every byte can be read");
}

std::vector<std::string> seeds() {
    return {
        file_of(
            R"({"__metadata__":{"format":"pt"},"a.weight":{"dtype":"F32","shape":[2,3],)"
            R"("data_offsets":[0,24]},"b":{"dtype":"BF16","shape":[5],"data_offsets":[24,34]}})",
            34
        ),
        file_of(
            R"({"b":{"data_offsets":[8,8],"shape":[0,9],"dtype":"F16"},)"
            R"("a":{"dtype":"I64","shape":[],"data_offsets":[0,8]}})",
            8
        ),
        file_of("{}", 0)};
}

}  // namespace isogloss::fuzz
