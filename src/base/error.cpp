// base/error.cpp
#include "base/error.h"

#include <filesystem>
#include <new>

namespace isogloss {

Error::Error(Exit code, std::string const& text, std::source_location where)
    : std::runtime_error(text), code_(code), where_(where) {}

std::string Error::where() const {
    return std::string(where_.file_name()) + ":" + std::to_string(where_.line());
}

Failure current_failure() {
    try {
        throw;
    } catch (Error const& error) {
        return {error.code(), error.what(), error.where()};
    } catch (std::bad_alloc const&) {
        return {Exit::environment, "memory is used up; use fewer rows or more ranks"};
    } catch (std::filesystem::filesystem_error const& error) {
        return {Exit::environment, error.what()};
    } catch (std::exception const& error) {
        return {Exit::internal, error.what()};
    } catch (...) {
        return {Exit::internal, "an exception of no known type"};
    }
}

}  // namespace isogloss
