// train/metric_log_test.cpp - what a killed run left behind, and what goes on after it.
#include "train/metric_log.h"

#include <gtest/gtest.h>

#include <vector>

#include "support/expect_error.h"
#include "support/temporary_folder.h"

namespace isogloss {
namespace {

std::vector<Json> lines_of(std::filesystem::path const& path) {
    std::ifstream file(path);
    std::vector<Json> lines;
    for (std::string line; std::getline(file, line);) {
        lines.push_back(Json::parse(line));
    }
    return lines;
}

TEST(MetricLogTest, WritesOneObjectALine) {
    test::TemporaryFolder const folder;
    MetricLog log(folder.path(), 0);
    log.write({{"step", 1}, {"loss", 2.5}});
    EXPECT_EQ(lines_of(folder / "metrics.jsonl").size(), 1U);  // readable while the run goes on
    log.write({{"step", 2}, {"language_loss", {{"el", 1.5}}}});
    auto const lines = lines_of(folder / "metrics.jsonl");
    ASSERT_EQ(lines.size(), 2U);
    EXPECT_EQ(lines[0], (Json{{"step", 1}, {"loss", 2.5}}));
    EXPECT_EQ(lines[1]["language_loss"]["el"], 1.5);
}

TEST(MetricLogTest, DropsLaterStepsAndHalfLines) {
    test::TemporaryFolder const folder;
    test::write_content(
        folder / "metrics.jsonl",
        "{\"step\":1,\"loss\":3.0}\n"
        "{\"step\":2,\"loss\":2.0}\n"
        "{\"step\":2,\"valid_bits_per_byte\":{\"el\":1.0}}\n"
        "{\"step\":3,\"loss\":1.0}\n"
        "{\"step\":\"two\"}\n"
        "no object\n"
        "{\"loss\":9.0}\n"
        "{\"step\":1,\"lo"
    );
    MetricLog log(folder.path(), 2);
    log.write({{"step", 3}, {"loss", 1.25}});
    auto const lines = lines_of(folder / "metrics.jsonl");
    ASSERT_EQ(lines.size(), 4U);
    EXPECT_EQ(lines[0]["loss"], 3.0);
    EXPECT_EQ(lines[1]["loss"], 2.0);
    EXPECT_EQ(lines[2]["valid_bits_per_byte"]["el"], 1.0);
    EXPECT_EQ(lines[3]["loss"], 1.25);
}

TEST(MetricLogTest, AHalfLineOfAnEarlierStepIsDroppedEvenWhenItParses) {
    test::TemporaryFolder const folder;
    test::write_content(folder / "metrics.jsonl", "{\"step\":1}\n{\"step\":2}");  // no line end
    MetricLog log(folder.path(), 2);
    log.write({{"step", 2}, {"loss", 1.0}});
    auto const lines = lines_of(folder / "metrics.jsonl");
    ASSERT_EQ(lines.size(), 2U);
    EXPECT_EQ(lines[1]["loss"], 1.0);
}

TEST(MetricLogTest, AWholeLineIsFoundByStepAndKey) {
    test::TemporaryFolder const folder;
    EXPECT_FALSE(has_line(folder.path(), 1, "loss"));
    test::write_content(
        folder / "metrics.jsonl",
        "{\"step\": 1, \"loss\": 2.0}\nnonsense\n{\"step\": 2, \"scores\": {}}\n"
        "{\"step\": 3, \"loss\": 1.0}"
    );
    EXPECT_TRUE(has_line(folder.path(), 1, "loss"));
    EXPECT_FALSE(has_line(folder.path(), 1, "scores"));
    EXPECT_TRUE(has_line(folder.path(), 2, "scores"));
    EXPECT_FALSE(has_line(folder.path(), 3, "loss"));  // its end is missing
}

TEST(MetricLogTest, NumbersBecomeScalarsWithTheirPath) {
    test::TemporaryFolder const folder;
    {
        MetricLog log(folder.path(), 7);
        log.write({{"step", 8}, {"language_loss", {{"el", 1.5}}}, {"shares", {{"0", {1, 2}}}}});
    }
    auto const events =
        test::content_of(folder / "tensorboard" / "events.out.tfevents.0000000007.isogloss");
    EXPECT_NE(events.find("language_loss/el"), std::string::npos);
    EXPECT_EQ(events.find("shares"), std::string::npos);  // lists are no scalars
}

TEST(MetricLogTest, NotFiniteNumbersAreNull) {
    test::TemporaryFolder const folder;
    MetricLog log(folder.path(), 0);
    log.write({{"step", 1}, {"loss", std::numeric_limits<double>::quiet_NaN()}});
    EXPECT_TRUE(lines_of(folder / "metrics.jsonl").at(0)["loss"].is_null());
}

TEST(MetricLogTest, SaysWhenItCannotWrite) {
    test::TemporaryFolder const folder;
    test::write_content(folder / "file", "no folder");
    test::expect_error(Exit::environment, "file", [&] { MetricLog const log(folder / "file", 0); });
}

}  // namespace
}  // namespace isogloss
