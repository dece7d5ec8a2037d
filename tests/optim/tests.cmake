isogloss_test(optim schedule)
isogloss_test(optim sharded_adamw RANKS 1 2 3 4)
isogloss_test(optim gradient_norm RANKS 1 2 3 4)
