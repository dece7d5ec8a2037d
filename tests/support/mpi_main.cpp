// tests/support/mpi_main.cpp - main() of every test that needs several ranks.
//
// Every rank runs every test. Rank 0 prints as usual; the others print only failures, each line
// marked with its rank. The run fails when any rank failed: exit codes are combined, because
// mpirun reports only one of them.
#include <gtest/gtest.h>
#include <mpi.h>

#include <cstdio>
#include <cstdlib>

#include "support/file_choice.h"

namespace {

class FailurePrinter : public testing::EmptyTestEventListener {
    void OnTestPartResult(testing::TestPartResult const& result) override {
        if (result.failed()) {
            int rank = 0;
            MPI_Comm_rank(MPI_COMM_WORLD, &rank);
            std::fprintf(
                stderr, "[rank %d] %s:%d: %s\n", rank,
                result.file_name() == nullptr ? "?" : result.file_name(), result.line_number(),
                result.summary()
            );
        }
    }
};

// A test meant for four ranks that runs on one proves nothing and passes. CMake says how many.
void demand_ranks(int size) {
    char const* expected = std::getenv("ISOGLOSS_TEST_RANKS");
    if (expected == nullptr || std::atoi(expected) != size) {
        std::fprintf(
            stderr, "these tests want %s ranks and got %d; run them with ctest\n",
            expected == nullptr ? "N" : expected, size
        );
        MPI_Abort(MPI_COMM_WORLD, 2);
    }
}

}  // namespace

int main(int argc, char** argv) {
    // As World does: several threads may call MPI, one at a time.
    int provided = 0;
    MPI_Init_thread(&argc, &argv, MPI_THREAD_SERIALIZED, &provided);
    MPI_Comm_set_errhandler(MPI_COMM_WORLD, MPI_ERRORS_RETURN);
    if (!isogloss::test::take_words(argc, argv)) {
        MPI_Abort(MPI_COMM_WORLD, 2);
    }
    int rank = 0;
    int size = 1;
    MPI_Comm_rank(MPI_COMM_WORLD, &rank);
    MPI_Comm_size(MPI_COMM_WORLD, &size);
    demand_ranks(size);
    if (rank != 0) {
        auto& listeners = testing::UnitTest::GetInstance()->listeners();
        delete listeners.Release(listeners.default_result_printer());
        listeners.Append(new FailurePrinter);  // GoogleTest owns it
    }
    int failed = RUN_ALL_TESTS();
    if (testing::UnitTest::GetInstance()->test_to_run_count() == 0) {
        failed = 1;
    }
    MPI_Allreduce(MPI_IN_PLACE, &failed, 1, MPI_INT, MPI_MAX, MPI_COMM_WORLD);
    MPI_Finalize();
    return failed;
}
