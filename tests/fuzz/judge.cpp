// fuzz/judge.cpp
#include <cstdio>
#include <cstdlib>
#include <exception>

#include "base/error.h"
#include "fuzz/fuzz_target.h"

namespace isogloss::fuzz {

void read_and_judge(std::string_view bytes) {
    try {
        read_hostile(bytes);
    } catch (Error const& error) {
        if (error.code() != Exit::data) {
            std::fprintf(
                stderr, "exit %d, not 3: %s\n", static_cast<int>(error.code()), error.what()
            );
            std::abort();
        }
    } catch (std::exception const& error) {
        std::fprintf(stderr, "not an Error: %s\n", error.what());
        std::abort();
    }
}

void expect(bool holds, char const* what) {
    if (!holds) {
        std::fprintf(stderr, "does not hold: %s\n", what);
        std::abort();
    }
}

}  // namespace isogloss::fuzz
