// fuzz/libfuzzer_main.cpp - the entry that clang's libFuzzer calls with bytes of its own making.
#include <cstddef>
#include <cstdint>

#include "fuzz/fuzz_target.h"

extern "C" int LLVMFuzzerTestOneInput(std::uint8_t const* data, std::size_t bytes);

extern "C" int LLVMFuzzerTestOneInput(std::uint8_t const* data, std::size_t bytes) {
    isogloss::fuzz::read_and_judge({reinterpret_cast<char const*>(data), bytes});
    return 0;
}
