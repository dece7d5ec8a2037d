// tests/comm/mpi_check_test.cpp
#include "comm/mpi_check.h"

#include <gtest/gtest.h>

#include <string>

#include "base/error.h"
#include "comm/mpi_comm.h"

namespace isogloss {
namespace {

TEST(MpiCheckTest, AFailingCallBecomesAnErrorThatNamesIt) {
    auto const group = MpiComm::split(MPI_COMM_WORLD, 0, 0);
    int value = 0;
    try {
        ISOGLOSS_MPI(MPI_Bcast(&value, 1, MPI_INT, group.size(), group.get()));  // no such root
        FAIL() << "MPI accepted a root outside the group";
    } catch (Error const& error) {
        std::string const text = error.what();
        EXPECT_NE(text.find("MPI_Bcast(&value"), std::string::npos) << text;
        EXPECT_NE(text.find("MPI_ERR_ROOT"), std::string::npos) << text;
        EXPECT_NE(error.where().find("mpi_check_test.cpp"), std::string::npos) << error.where();
        EXPECT_EQ(error.code(), Exit::environment);
    }
}

TEST(MpiCheckTest, GroupsReturnErrorsAlsoWhereTheirParentDoesNot) {
    // The parent ends the process on an error; a group of ours must not inherit that.
    MPI_Comm parent = MPI_COMM_NULL;
    ISOGLOSS_MPI(MPI_Comm_dup(MPI_COMM_WORLD, &parent));
    ISOGLOSS_MPI(MPI_Comm_set_errhandler(parent, MPI_ERRORS_ARE_FATAL));
    {
        auto const group = MpiComm::split(parent, 0, 0);
        int value = 0;
        EXPECT_THROW(ISOGLOSS_MPI(MPI_Bcast(&value, 1, MPI_INT, group.size(), group.get())), Error);
    }
    ISOGLOSS_MPI(MPI_Comm_free(&parent));
}

}  // namespace
}  // namespace isogloss
