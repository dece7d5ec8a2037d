isogloss_test(growth grow RANKS 1 2 4)
