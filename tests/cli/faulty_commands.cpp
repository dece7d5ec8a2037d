// tests/cli/faulty_commands.cpp - a program whose commands fail in every way; run by run_main_test.
#include <mpi.h>

#include <cstdio>
#include <iostream>
#include <new>
#include <stdexcept>
#include <vector>

#include "base/require.h"
#include "cli/run_main.h"
#include "comm/collective.h"
#include "comm/world.h"

namespace isogloss {
namespace {

Exit greet(Arguments const& arguments) {
    std::string name;
    Options options("greet", "Greets.");
    options.add_positional("name", name, "whom");
    if (options.parse(arguments) == Parsed::help) {
        return print_help(options);
    }
    std::printf("hello %s\n", name.c_str());
    return Exit::done;
}

Exit help_on_ranks(Arguments const& arguments, World const& world) {
    std::string name;
    Options options("group greet", "Greets on ranks.");
    options.add("name", name, "whom");
    if (options.parse(arguments) == Parsed::help) {
        return print_help(options, world);
    }
    return Exit::done;
}

Exit stop(Arguments const& /*arguments*/, World const& /*world*/) {
    return Exit::stopped;
}

Exit fail_on_rank_1(Arguments const& /*arguments*/, World const& world) {
    require_data(world.comm().rank() != 1, "shard 7 is broken");
    barrier(world.comm());  // the others would wait for ever
    return Exit::done;
}

Exit fail_on_all(Arguments const& /*arguments*/, World const& world) {
    fail_together(Exit::data, world.comm().rank() == 1 ? "corpus is broken" : "", world.comm());
    return Exit::done;
}

Exit fail_differently(Arguments const& /*arguments*/, World const& world) {
    fail(Exit::environment, "disk {} is full", world.comm().rank());
}

Exit fail_inside(Arguments const& /*arguments*/) {
    require(1 + 1 == 3, "sums are {}", "wrong");
    return Exit::done;
}

Exit throw_other(Arguments const& /*arguments*/) {
    throw std::runtime_error("from a library");
}

Exit use_up_memory(Arguments const& /*arguments*/) {
    throw std::bad_alloc();
}

}  // namespace
}  // namespace isogloss

int main(int argc, char** argv) {
    using namespace isogloss;
    std::vector<Command> const table{
        {"greet", "says hello", greet},
        {"group greet", "says hello on ranks", help_on_ranks},
        {"group stop", "stops on request", stop},
        {"one", "fails on rank 1", fail_on_rank_1},
        {"all", "fails on all ranks alike", fail_on_all},
        {"each", "fails on each rank in its own way", fail_differently},
        {"inside", "fails by our fault", fail_inside},
        {"other", "throws what is not ours", throw_other},
        {"memory", "has no memory", use_up_memory},
    };
    return run_main(argc, argv, table);
}
