// cli/command.cpp
#include "cli/command.h"

#include <cstdio>

#include "comm/world.h"

namespace isogloss {

Exit print_help(Options const& options) {
    std::fputs(options.help().c_str(), stdout);
    return Exit::done;
}

Exit print_help(Options const& options, World const& world) {
    return world.comm().rank() == 0 ? print_help(options) : Exit::done;
}

}  // namespace isogloss
