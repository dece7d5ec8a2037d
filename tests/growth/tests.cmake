isogloss_test(growth grow RANKS 1 2 4)
isogloss_test(growth lifelong_plan)
isogloss_test(growth lifelong_report)
