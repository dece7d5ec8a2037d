// cli/processor.cpp
#include "cli/processor.h"

#include <vector>

#include "base/require.h"

namespace isogloss {
namespace {

struct Feature {
    char const* name;
    bool is_here;
};

// One entry for each set that -march switched on. The names must be literals for the builtin.
std::vector<Feature> features() {
    std::vector<Feature> list;
#if defined(__x86_64__)
    __builtin_cpu_init();
#if defined(__SSE4_2__)
    list.push_back({"sse4.2", __builtin_cpu_supports("sse4.2") != 0});
#endif
#if defined(__AVX__)
    list.push_back({"avx", __builtin_cpu_supports("avx") != 0});
#endif
#if defined(__AVX2__)
    list.push_back({"avx2", __builtin_cpu_supports("avx2") != 0});
#endif
#if defined(__FMA__)
    list.push_back({"fma", __builtin_cpu_supports("fma") != 0});
#endif
#if defined(__BMI2__)
    list.push_back({"bmi2", __builtin_cpu_supports("bmi2") != 0});
#endif
#if defined(__AVX512F__)
    list.push_back({"avx512f", __builtin_cpu_supports("avx512f") != 0});
#endif
#if defined(__AVX512BW__)
    list.push_back({"avx512bw", __builtin_cpu_supports("avx512bw") != 0});
#endif
#if defined(__AVX512DQ__)
    list.push_back({"avx512dq", __builtin_cpu_supports("avx512dq") != 0});
#endif
#if defined(__AVX512VL__)
    list.push_back({"avx512vl", __builtin_cpu_supports("avx512vl") != 0});
#endif
#if defined(__AVX512VNNI__)
    list.push_back({"avx512vnni", __builtin_cpu_supports("avx512vnni") != 0});
#endif
#if defined(__AVX512BF16__)
    list.push_back({"avx512bf16", __builtin_cpu_supports("avx512bf16") != 0});
#endif
#endif
    return list;
}

}  // namespace

std::string built_for() {
    std::string text;
    for (auto const& feature : features()) {
        text += (text.empty() ? "" : " ") + std::string(feature.name);
    }
    return text.empty() ? "any" : text;
}

void require_processor() {
    std::string missing;
    for (auto const& feature : features()) {
        if (!feature.is_here) {
            missing += " " + std::string(feature.name);
        }
    }
    require_environment(
        missing.empty(),
        "this program was built for a processor with{}, which this one lacks; build it here, or "
        "with -DISOGLOSS_ARCH=x86-64-v2 for any",
        missing
    );
}

}  // namespace isogloss
