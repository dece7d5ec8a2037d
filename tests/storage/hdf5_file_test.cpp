// storage/hdf5_file_test.cpp
#include "storage/hdf5_file.h"

#include <atomic>
#include <cstring>
#include <numeric>
#include <thread>

#include "base/random.h"
#include "storage/hdf5_writer.h"
#include "support/expect_error.h"
#include "support/temporary_folder.h"

namespace isogloss {
namespace {

using test::expect_error;
using test::TemporaryFolder;

constexpr std::int64_t kRows = 1000;
constexpr std::int64_t kWidth = 7;

// Element (r, c) of "/numbers/table" is 7 r + c, so every read names its place.
std::filesystem::path sample_file(TemporaryFolder const& folder) {
    auto path = folder / "sample.h5";
    std::vector<std::int32_t> table(kRows * kWidth);
    std::iota(table.begin(), table.end(), 0);
    Hdf5Writer writer(path);
    writer.write<std::int32_t>("/numbers/table", {kRows, kWidth}, table);
    writer.write<float>("/numbers/one", {}, std::vector<float>{2.5F});
    writer.write<std::int64_t>("/empty", {0}, {});
    writer.text_attribute("/numbers/table", "source", "κείμενο");
    writer.integer_attribute("/", "schema", -3);
    writer.close();
    return path;
}

TEST(Hdf5FileTest, ReadsTheRowsThatWereAskedFor) {
    TemporaryFolder const folder;
    Hdf5File const file(sample_file(folder));
    std::vector<std::int32_t> rows(3 * kWidth, -1);
    file.read(
        "/numbers/table", StoredType::i32, 998 - 1, 3, std::as_writable_bytes(std::span(rows))
    );
    for (std::size_t i = 0; i < rows.size(); ++i) {
        EXPECT_EQ(rows[i], 997 * kWidth + static_cast<std::int32_t>(i));
    }
    float one = 0.0F;
    file.read("/numbers/one", std::span(&one, 1));
    EXPECT_EQ(one, 2.5F);
    file.read("/empty", std::span<std::int64_t>());
}

TEST(Hdf5FileTest, SaysWhatTheHeadersSay) {
    TemporaryFolder const folder;
    Hdf5File const file(sample_file(folder));
    EXPECT_EQ(file.list(), (std::vector<std::string>{"empty", "numbers"}));
    EXPECT_EQ(file.list("/numbers"), (std::vector<std::string>{"one", "table"}));
    EXPECT_EQ(
        file.info("/numbers/table"),
        (DatasetInfo{.type = StoredType::i32, .shape = {kRows, kWidth}})
    );
    EXPECT_EQ(file.text_attribute("/numbers/table", "source"), "κείμενο");
    EXPECT_EQ(file.integer_attribute("/", "schema"), -3);
    EXPECT_TRUE(file.contains("/numbers/one"));
    EXPECT_FALSE(file.contains("/nowhere/one"));
    EXPECT_FALSE(file.has_attribute("/", "source"));
}

TEST(Hdf5FileTest, OffsetIsWhereTheElementsLie) {
    TemporaryFolder const folder;
    auto const path = sample_file(folder);
    Hdf5File const file(path);
    auto const offset = static_cast<std::size_t>(file.file_offset("/numbers/table"));
    EXPECT_EQ(offset % 64, 0U);
    auto const bytes = test::content_of(path);
    for (std::size_t i = 0; i < kRows * kWidth; ++i) {
        std::int32_t value = -1;
        std::memcpy(&value, bytes.data() + offset + 4 * i, 4);
        ASSERT_EQ(value, static_cast<std::int32_t>(i));
    }
    EXPECT_EQ(file.file_offset("/empty"), 0);
}

TEST(Hdf5FileTest, RefusesWrongTypesRangesAndNames) {
    TemporaryFolder const folder;
    Hdf5File const file(sample_file(folder));
    std::vector<std::int32_t> row(kWidth);
    auto const bytes = std::as_writable_bytes(std::span(row));
    auto const read = [&](char const* name, StoredType type, std::int64_t first) {
        return [&file, bytes, name, type, first] { file.read(name, type, first, 1, bytes); };
    };
    expect_error(Exit::data, "holds i32, not f32", read("/numbers/table", StoredType::f32, 0));
    expect_error(Exit::data, "has 1000 rows", read("/numbers/table", StoredType::i32, kRows));
    expect_error(Exit::data, "has 1000 rows", read("/numbers/table", StoredType::i32, -1));
    expect_error(Exit::data, "no dataset /other", read("/other", StoredType::i32, 0));
    expect_error(Exit::data, "cannot be opened", read("/numbers", StoredType::i32, 0));
    expect_error(Exit::data, "no attribute", [&] {
        static_cast<void>(file.text_attribute("/", "licence"));
    });
    expect_error(Exit::data, "not an integer", [&] {
        static_cast<void>(file.integer_attribute("/numbers/table", "source"));
    });
    expect_error(Exit::data, "missing.h5", [&] { Hdf5File const gone(folder / "missing.h5"); });
}

TEST(Hdf5FileTest, FindsAFileCutShort) {
    TemporaryFolder const folder;
    auto const path = sample_file(folder);
    auto const size = std::filesystem::file_size(path);
    for (auto const bytes :
         {std::uintmax_t{0}, std::uintmax_t{5}, std::uintmax_t{100}, size / 2, size - 1}) {
        std::filesystem::copy_file(
            path, folder / "cut.h5", std::filesystem::copy_options::overwrite_existing
        );
        std::filesystem::resize_file(folder / "cut.h5", bytes);
        expect_error(Exit::data, "cut.h5", [&] { Hdf5File const cut(folder / "cut.h5"); });
    }
}

// Every byte before the elements is header: whatever is flipped there, the file is refused or says
// the same as before, and never crashes.
TEST(Hdf5FileTest, AlteredHeaderIsRefusedOrHarmless) {
    TemporaryFolder const folder;
    auto const path = sample_file(folder);
    auto const good = test::content_of(path);
    auto const table = static_cast<std::size_t>(Hdf5File(path).file_offset("/numbers/table"));
    auto const end = table + 4 * kRows * kWidth;
    int refused = 0;
    for (std::uint64_t trial = 0; trial < 400; ++trial) {
        auto const place = random_bits(1, 0, trial) % (good.size() - (end - table));
        auto const at = place < table ? place : place + (end - table);
        auto bad = good;
        bad[at] = static_cast<char>(bad[at] ^ (1 << (random_bits(1, 1, trial) % 8)));
        test::write_content(folder / "bad.h5", bad);
        try {
            Hdf5File const file(folder / "bad.h5");
            std::vector<std::int32_t> values(kRows * kWidth);
            file.read("/numbers/table", std::span(values));
            ASSERT_EQ(values.back(), kRows * kWidth - 1) << "byte " << at;
            ASSERT_EQ(file.text_attribute("/numbers/table", "source"), "κείμενο") << "byte " << at;
        } catch (Error const& error) {
            ASSERT_EQ(error.code(), Exit::data);
            ++refused;
        }
    }
    EXPECT_GT(refused, 20);
}

// HDF5 itself is not thread-safe: without the lock this crashes.
TEST(Hdf5FileTest, FourThreadsReadAtOnce) {
    TemporaryFolder const folder;
    auto const path = sample_file(folder);
    std::atomic<int> wrong = 0;
    std::vector<std::thread> threads;
    for (std::uint64_t thread = 0; thread < 4; ++thread) {
        threads.emplace_back([&, thread] {
            for (std::uint64_t i = 0; i < 300; ++i) {
                Hdf5File const file(path);
                auto const row = static_cast<std::int64_t>(random_bits(thread, 0, i) % kRows);
                std::vector<std::int32_t> values(kWidth, -1);
                file.read(
                    "/numbers/table", StoredType::i32, row, 1,
                    std::as_writable_bytes(std::span(values))
                );
                wrong += values[0] != row * kWidth ? 1 : 0;
            }
        });
    }
    for (auto& thread : threads) {
        thread.join();
    }
    EXPECT_EQ(wrong, 0);
}

}  // namespace
}  // namespace isogloss
