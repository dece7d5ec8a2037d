isogloss_test(base floors)
target_compile_definitions(base_floors_test PRIVATE ISOGLOSS_SOURCE_DIR="${PROJECT_SOURCE_DIR}/src")
isogloss_test(base options)
