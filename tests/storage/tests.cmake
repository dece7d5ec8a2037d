isogloss_test(storage hdf5_file LABELS threads)
isogloss_test(storage hdf5_writer)
isogloss_test(storage mapped_file)
