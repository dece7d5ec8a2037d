// base/json.cpp
#include "base/json.h"

#include <fstream>

#include "base/file.h"

namespace isogloss {

Json read_json(std::filesystem::path const& path) {
    std::ifstream file(path);
    require_data(file.is_open(), "{}: cannot be opened for reading", path.string());
    try {
        return Json::parse(file, nullptr, true, true);
    } catch (nlohmann::json::exception const& error) {
        fail(Exit::data, "{}: not valid JSON: {}", path.string(), error.what());
    }
}

void write_json(std::filesystem::path const& path, Json const& value) {
    write_file(path, value.dump(2) + "\n");
}

}  // namespace isogloss
