// cli/main.cpp
#include "cli/commands.h"
#include "cli/run_main.h"

int main(int argc, char** argv) {
    return isogloss::run_main(argc, argv, isogloss::commands());
}
