isogloss_test(comm mpi_check RANKS 1 3)
isogloss_test(comm mpi_comm RANKS 1 2 3 4)
isogloss_test(comm collective RANKS 1 2 3 4)
isogloss_test(comm world)
