// fuzz/safetensors_index_fuzz.cpp - model.safetensors.index.json.
#include "fuzz/fuzz_target.h"
#include "storage/safetensors_index.h"

namespace isogloss::fuzz {

void read_hostile(std::string_view bytes) {
    for (auto const& [tensor, file] : parse_safetensors_index(bytes, "index")) {
        expect(file.find('/') == std::string::npos, "no file lies in another folder");
        expect(!file.empty() && file.front() != '.', "no file is hidden or a folder above");
    }
}

std::vector<std::string> seeds() {
    return {
        R"({"metadata":{"total_size":12},"weight_map":{"a":"model-00001-of-00002.safetensors",)"
        R"("b.c":"model-00002-of-00002.safetensors"}})",
        R"({"weight_map":{"a":"../../etc/x.safetensors"}})", R"({"weight_map":{}})"};
}

}  // namespace isogloss::fuzz
