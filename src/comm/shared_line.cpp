// comm/shared_line.cpp
#include "comm/shared_line.h"

#include <fcntl.h>
#include <unistd.h>

#include <fstream>
#include <string>

namespace isogloss {
namespace {

constexpr std::size_t kFileBytes = 512;

int flags_of(IfFile if_file) {
    switch (if_file) {
        case IfFile::exists: return 0;
        case IfFile::is_new: return O_CREAT | O_EXCL;
        case IfFile::either: return O_CREAT;
    }
    return 0;
}

}  // namespace

bool write_shared_line(std::filesystem::path const& path, Json const& value, IfFile if_file) {
    auto text = value.dump(-1, ' ', false, Json::error_handler_t::replace);
    text.resize(kFileBytes - 1, ' ');
    text += '\n';
    int const file = ::open(path.c_str(), O_WRONLY | O_CLOEXEC | flags_of(if_file), 0644);
    if (file < 0) {
        return false;
    }
    auto const written = ::pwrite(file, text.data(), text.size(), 0);
    bool const is_closed = ::close(file) == 0;  // where a network disk says that it failed
    return written == static_cast<ssize_t>(text.size()) && is_closed;
}

Json read_shared_line(std::filesystem::path const& path) {
    std::ifstream file(path, std::ios::binary);
    std::string line;
    std::getline(file, line);
    return Json::parse(line, nullptr, false);
}

}  // namespace isogloss
