// base/json.cpp
#include "base/json.h"

#include <fstream>

#include "base/file.h"

namespace isogloss {
namespace {

constexpr int kDeepest = 200;  // copies recurse: what nests without end would end the stack

}  // namespace

Json read_json(std::filesystem::path const& path) {
    std::ifstream file(path);
    require_data(file.is_open(), "{}: cannot be opened for reading", path.string());
    auto const check_depth = [&path](int depth, nlohmann::json::parse_event_t, Json const&) {
        require_data(depth <= kDeepest, "{}: nests deeper than {}", path.string(), kDeepest);
        return true;
    };
    try {
        return Json::parse(file, check_depth, true, true);
    } catch (nlohmann::json::exception const& error) {
        fail(Exit::data, "{}: not valid JSON: {}", path.string(), error.what());
    }
}

void write_json(std::filesystem::path const& path, Json const& value) {
    write_file(path, value.dump(2) + "\n");
}

}  // namespace isogloss
