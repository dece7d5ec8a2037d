// cli/result.cpp
#include "cli/result.h"

#include <cstdio>

namespace isogloss {

void give_result(
    ResultOutput const& output, Json const& json, std::function<std::string()> const& text
) {
    if (!output.out.empty()) {
        write_json(output.out, json);
    }
    if (!output.quiet) {
        auto const printed = output.json ? json.dump(2) + "\n" : text();
        std::fwrite(printed.data(), 1, printed.size(), stdout);
    }
}

}  // namespace isogloss
