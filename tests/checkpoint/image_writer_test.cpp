// checkpoint/image_writer_test.cpp
#include "checkpoint/image_writer.h"

#include <gtest/gtest.h>

#include <utility>

#include "support/expect_error.h"
#include "support/temporary_folder.h"

namespace isogloss {
namespace {

using test::expect_error;
using test::TemporaryFolder;

// Small ones, which HDF5 puts together, odd ones, and one of more than a slice.
std::vector<TensorRecord> tensors_of(std::string const& file) {
    return {
        {"embedding.weight", {1300, 4096}, DType::f32, file, {}},
        {"layers.0.attention_norm.weight", {7}, DType::bf16, file, {}},
        {"layers.1.attention_norm.weight/m", {7}, DType::f32, file, {}},
        {"layers.0.router.weight", {3, 5}, DType::f32, file, {}},
        {"layers.0.experts.1.down.weight", {333, 77}, DType::bf16, file, {}},
        {"final_norm.weight", {1}, DType::bf16, file, {}}};
}

// Byte i of tensor t of file f tells of all three.
std::vector<std::byte> content_of(TensorRecord const& tensor, std::size_t t, std::size_t f) {
    std::vector<std::byte> bytes(static_cast<std::size_t>(tensor.bytes()));
    for (std::size_t i = 0; i < bytes.size(); ++i) {
        bytes[i] = static_cast<std::byte>((i * 2654435761U >> 7U) + 31 * t + 101 * f);
    }
    return bytes;
}

ShardImage image_of(std::string const& file, std::size_t f) {
    ShardImage image(file, tensors_of(file));
    for (std::size_t t = 0; t < image.tensors().size(); ++t) {
        auto const bytes = content_of(image.tensors()[t], t, f);
        auto const half = bytes.size() / 2;
        image.append(std::span(bytes).first(half));
        image.append(std::span(bytes).subspan(half));
    }
    return image;
}

// The same by the class that hashes what the file gives back.
FinishedShard streamed(
    std::filesystem::path const& folder, std::string const& file, std::size_t f
) {
    ShardWriter writer(folder, file);
    auto const tensors = tensors_of(file);
    for (std::size_t t = 0; t < tensors.size(); ++t) {
        auto const bytes = content_of(tensors[t], t, f);
        writer.write(tensors[t].name, tensors[t].shape, tensors[t].dtype, bytes);
    }
    return writer.finish();
}

TEST(ImageWriterTest, GivesTheBytesAndHashesOfAFileThatIsStreamed) {
    TemporaryFolder const folder;
    TemporaryFolder const expected;
    std::vector<std::string> const files{"backbone-00000.h5", "L00-E001.h5", "routers.h5"};
    std::vector<ShardImage> images;
    for (std::size_t f = 0; f < files.size(); ++f) {
        images.push_back(image_of(files[f], f));
    }
    std::atomic<std::int64_t> parts = 0;
    auto const finished = write_images(folder.path(), images, {}, parts);
    ASSERT_EQ(finished.size(), files.size());
    for (std::size_t f = 0; f < files.size(); ++f) {
        auto const wanted = streamed(expected.path(), files[f], f);
        EXPECT_TRUE(test::content_of(folder / files[f]) == test::content_of(expected / files[f]));
        EXPECT_EQ(finished[f].shard, wanted.shard);
        EXPECT_EQ(finished[f].tensors, wanted.tensors);
    }
    // Of each file: written, hashed, flushed, its tensors together and one by one.
    EXPECT_EQ(parts, 3 * (4 + 6));
}

TEST(ImageWriterTest, AFaultOfOneFileEndsAllThreads) {
    TemporaryFolder const folder;
    std::filesystem::create_directory(folder / "L00-E001.h5");  // in the way
    std::vector<ShardImage> images;
    for (auto const* file : {"backbone-00000.h5", "L00-E001.h5", "routers.h5"}) {
        images.push_back(image_of(file, 0));
    }
    std::atomic<std::int64_t> parts = 0;
    expect_error(Exit::environment, "L00-E001.h5", [&] {
        write_images(folder.path(), images, {}, parts);
    });
    EXPECT_FALSE(std::filesystem::exists(folder / "routers.h5"));
}

TEST(ImageWriterTest, AnImageThatIsNotFullIsOurFault) {
    TemporaryFolder const folder;
    std::vector<ShardImage> images;
    images.emplace_back("routers.h5", tensors_of("routers.h5"));
    std::atomic<std::int64_t> parts = 0;
    expect_error(Exit::internal, "routers.h5: has 0 of its", [&] {
        write_images(folder.path(), images, {}, parts);
    });
}

TEST(ImageWriterTest, EndsWhenAskedTo) {
    TemporaryFolder const folder;
    std::vector<ShardImage> images;
    images.push_back(image_of("routers.h5", 0));
    std::stop_source stop;
    stop.request_stop();
    std::atomic<std::int64_t> parts = 0;
    EXPECT_TRUE(write_images(folder.path(), images, stop.get_token(), parts).empty());
    EXPECT_TRUE(std::filesystem::is_empty(folder.path()));
}

}  // namespace
}  // namespace isogloss
