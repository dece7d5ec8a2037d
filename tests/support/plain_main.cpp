// tests/support/plain_main.cpp - main() of tests that run once, in one process.
#include "support/file_choice.h"

int main(int argc, char** argv) {
    return isogloss::test::take_words(argc, argv) ? RUN_ALL_TESTS() : 2;
}
