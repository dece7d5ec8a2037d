isogloss_test(moe placement)
