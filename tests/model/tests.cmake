isogloss_test(model config)
isogloss_test(model parameters RANKS 1 2 4)
isogloss_test(model initialise RANKS 1 2)
isogloss_test(model optimizer RANKS 1 2 4)
