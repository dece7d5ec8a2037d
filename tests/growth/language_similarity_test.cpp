// growth/language_similarity_test.cpp - the matrix of distances, and files that are none.
#include "growth/language_similarity.h"

#include <gtest/gtest.h>

#include <functional>

#include "support/expect_error.h"

namespace isogloss {
namespace {

Json three_languages() {
    return Json::parse(R"({
        "similarity": [[null, 0.25, -1.0000005], [0.25, 1, 0.5], [-1, 0.5000004, 7]],
        "languages": ["zu", "ar", "el"], "layers": 3
    })");
}

TEST(LanguageSimilarityTest, DistancesAreOneMinusTheClampedSimilarity) {
    auto const distance = language_distances_from_json(three_languages(), "f.json");
    EXPECT_EQ(distance.languages(), (std::vector<std::string>{"zu", "ar", "el"}));
    EXPECT_EQ(distance(0, 1), 0.75);
    EXPECT_EQ(distance(1, 0), 0.75);
    EXPECT_EQ(distance(0, 2), 2.0);
    EXPECT_DOUBLE_EQ(distance(1, 2), 1.0 - 0.5000002);  // of two cells the mean
    EXPECT_EQ(distance(1, 2), distance(2, 1));
    EXPECT_EQ(distance(2, 2), 0.0);
}

TEST(LanguageSimilarityTest, EveryFaultNamesItsCell) {
    struct Case {
        std::string part;
        std::function<void(Json&)> change;
    };
    std::vector<Case> const cases{
        {"row 1 (\"ar\"), column 2 (\"el\"): \"NaN\" is no finite",
         [](Json& v) { v["similarity"][1][2] = "NaN"; }},
        {"row 0 (\"zu\"), column 1 (\"ar\"): 1.5 is no cosine",
         [](Json& v) { v["similarity"][0][1] = 1.5; }},
        {"row 0 (\"zu\"), column 1 (\"ar\") is 0.250002 and the cell across",
         [](Json& v) { v["similarity"][0][1] = 0.250002; }},
        {"row 2 (\"el\") of \"similarity\" has 2 numbers and there are 3",
         [](Json& v) { v["similarity"][2].erase(2); }},
        {"\"similarity\" has 2 rows and there are 3", [](Json& v) { v["similarity"].erase(1); }},
        {"row 1 (\"ar\") of \"similarity\" has 0", [](Json& v) { v["similarity"][1] = 3; }},
        {"\"ar\" stands twice", [](Json& v) { v["languages"][2] = "ar"; }},
        {"\"languages\" is empty", [](Json& v) { v["languages"] = Json::array(); }},
        {"\"languages\" is missing", [](Json& v) { v.erase("languages"); }},
        {"\"languages\" has the wrong type",
         [](Json& v) {
             v["languages"] = {1, 2, 3};
         }},
        {"\"similarity\", a list of rows, is missing", [](Json& v) { v.erase("similarity"); }}};
    for (auto const& its : cases) {
        auto value = three_languages();
        its.change(value);
        test::expect_error(Exit::data, its.part, [&] {
            language_distances_from_json(value, "f.json");
        });
    }
}

}  // namespace
}  // namespace isogloss
