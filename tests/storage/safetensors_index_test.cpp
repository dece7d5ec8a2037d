// storage/safetensors_index_test.cpp
#include "storage/safetensors_index.h"

#include "storage/safetensors_writer.h"
#include "support/expect_error.h"
#include "support/temporary_folder.h"

namespace isogloss {
namespace {

using test::expect_error;
using test::TemporaryFolder;

void write_tensors(std::filesystem::path const& path, std::vector<std::string> const& names) {
    std::vector<ForeignTensor> tensors;
    std::string data;
    for (auto const& name : names) {
        tensors.push_back({name, ForeignType::u8, {1}, 0, 0});
        data += name.back();
    }
    SafetensorsWriter writer(path, tensors);
    writer.append(std::as_bytes(std::span(data)));
    writer.finish();
}

class SafetensorsFolderTest : public testing::Test {
protected:
    /// Two files with a.x and a.y, and b.z, and this index.
    void write(WeightMap const& index) {
        write_tensors(folder_ / "one.safetensors", {"a.x", "a.y"});
        write_tensors(folder_ / "two.safetensors", {"b.z"});
        test::write_content(
            folder_ / "model.safetensors.index.json", safetensors_index_text(index, 3)
        );
    }
    void expect_refused(std::string const& part) {
        expect_error(Exit::data, part, [&] { SafetensorsFolder const opened(folder_.path()); });
    }

    WeightMap const index_{
        {"a.x", "one.safetensors"}, {"a.y", "one.safetensors"}, {"b.z", "two.safetensors"}};
    TemporaryFolder folder_;
};

TEST_F(SafetensorsFolderTest, TensorsAreFoundInTheirFiles) {
    write(index_);
    SafetensorsFolder const opened(folder_.path());
    EXPECT_EQ(opened.names(), (std::vector<std::string_view>{"a.x", "a.y", "b.z"}));
    auto const found = opened.find("b.z");
    EXPECT_EQ(found.file->path().filename(), "two.safetensors");
    EXPECT_EQ(static_cast<char>(found.file->bytes(*found.tensor)[0]), 'z');
    EXPECT_EQ(opened.find("b").file, nullptr);
}

TEST_F(SafetensorsFolderTest, OneFileNeedsNoIndex) {
    write_tensors(folder_ / "model.safetensors", {"x"});
    EXPECT_EQ(SafetensorsFolder(folder_.path()).names().size(), 1U);
}

TEST_F(SafetensorsFolderTest, NothingToReadIsSaid) {
    expect_refused("has neither model.safetensors nor");
}

TEST_F(SafetensorsFolderTest, IndexThatLiesIsRefusedByName) {
    write({{"a.x", "one.safetensors"}, {"a.y", "two.safetensors"}, {"b.z", "two.safetensors"}});
    expect_refused("a.y: does not lie in two.safetensors");
    write({{"a.x", "one.safetensors"}, {"b.z", "two.safetensors"}});
    expect_refused("a.y: lies in one.safetensors and is not listed");
    auto more = index_;
    more["c"] = "two.safetensors";
    write(more);
    expect_refused("c: does not lie in two.safetensors");
    more["c"] = "three.safetensors";
    write(more);
    expect_refused("three.safetensors");
}

TEST_F(SafetensorsFolderTest, TensorInTwoFilesIsRefused) {
    write(index_);
    write_tensors(folder_ / "two.safetensors", {"b.z", "a.x"});
    expect_refused("a.x: lies in");
}

TEST(SafetensorsIndexTest, PathsAreNoFileNames) {
    for (std::string const name :
         {"../up.safetensors", "/etc/x.safetensors", "sub/x.safetensors", "..safetensors",
          ".hidden.safetensors", "x.bin", "", "x\\\\y.safetensors", "a b.safetensors",
          "x.safetensors\\u0000", "\\u00e9.safetensors"}) {
        expect_error(Exit::data, "victim: lies in", [&] {
            static_cast<void>(
                parse_safetensors_index("{\"weight_map\":{\"victim\":\"" + name + "\"}}", "index")
            );
        });
    }
}

TEST(SafetensorsIndexTest, WhatIsNoIndexIsRefused) {
    auto const expect_refused = [](std::string const& text, std::string const& part) {
        expect_error(Exit::data, part, [&] {
            static_cast<void>(parse_safetensors_index(text, "index"));
        });
    };
    expect_refused("{", "no JSON");
    expect_refused("[]", "no \"weight_map\"");
    expect_refused("{\"weight_map\":[]}", "no \"weight_map\"");
    expect_refused("{\"weight_map\":{\"t\":1}}", "t: lies in 1");
    expect_refused("{\"weight_map\":{\"t\":\"a.safetensors\",\"t\":\"b.safetensors\"}}", "t: is");
    expect_refused(std::string(1'000'000, '['), "deeper");
}

}  // namespace
}  // namespace isogloss
