// base/error.cpp
#include "base/error.h"

namespace isogloss {

Error::Error(Exit code, std::string const& text, std::source_location where)
    : std::runtime_error(text), code_(code), where_(where) {}

std::string Error::where() const {
    return std::string(where_.file_name()) + ":" + std::to_string(where_.line());
}

}  // namespace isogloss
