// storage/hdf5_writer_test.cpp
#include "storage/hdf5_writer.h"

#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <csignal>
#include <thread>

#include "storage/hdf5_file.h"
#include "support/expect_error.h"
#include "support/temporary_folder.h"

namespace isogloss {
namespace {

using test::expect_error;
using test::TemporaryFolder;

void write_sample(std::filesystem::path const& path) {
    std::vector<float> const weights{1.0F, 2.0F, 3.0F, 4.0F, 5.0F, 6.0F};
    Hdf5Writer writer(path);
    writer.write<float>("layers.0.experts.1.down.weight", {2, 3}, weights);
    writer.write<std::int64_t>("/el/train/document_start", {2}, std::vector<std::int64_t>{0, 9});
    writer.text_attribute("/el", "licence", "CC0-1.0");
    writer.close();
}

TEST(Hdf5WriterTest, EqualContentGivesEqualBytes) {
    TemporaryFolder const folder;
    write_sample(folder / "first.h5");
    std::this_thread::sleep_for(std::chrono::milliseconds(1100));  // HDF5's times are in seconds
    write_sample(folder / "second.h5");
    EXPECT_EQ(test::content_of(folder / "first.h5"), test::content_of(folder / "second.h5"));
}

TEST(Hdf5WriterTest, Bf16KeepsItsBitsAndItsName) {
    TemporaryFolder const folder;
    std::vector<std::uint16_t> const bits{0x3F80, 0xC000, 0x7FC1, 0x0001, 0xFF80};
    Hdf5Writer writer(folder / "bf16.h5");
    writer.write("x", StoredType::bf16, {5}, std::as_bytes(std::span(bits)));
    writer.close();
    Hdf5File const file(folder / "bf16.h5");
    EXPECT_EQ(file.info("x").type, StoredType::bf16);
    std::vector<std::uint16_t> read(5);
    file.read("x", StoredType::bf16, std::as_writable_bytes(std::span(read)));
    EXPECT_EQ(read, bits);
}

TEST(Hdf5WriterTest, RowsWrittenInPiecesMakeTheWhole) {
    TemporaryFolder const folder;
    std::vector<std::uint16_t> const late{30, 31, 40, 41};
    std::vector<std::uint16_t> const early{0, 1, 10, 11, 20, 21};
    Hdf5Writer writer(folder / "pieces.h5");
    writer.create("x", StoredType::u16, {5, 2});
    writer.write_rows("x", 3, 2, std::as_bytes(std::span(late)));
    writer.write_rows("x", 0, 3, std::as_bytes(std::span(early)));
    expect_error(Exit::internal, "has 5 rows", [&] {
        writer.write_rows("x", 4, 2, std::as_bytes(std::span(late)));
    });
    expect_error(Exit::internal, "are 4 bytes", [&] {
        writer.write_rows("x", 4, 1, std::as_bytes(std::span(late)));
    });
    writer.close();
    std::vector<std::uint16_t> all(10);
    Hdf5File(folder / "pieces.h5").read("x", std::span(all));
    EXPECT_EQ(all, (std::vector<std::uint16_t>{0, 1, 10, 11, 20, 21, 30, 31, 40, 41}));
}

TEST(Hdf5WriterTest, FolderThatIsNotThereIsTheEnvironmentsFault) {
    TemporaryFolder const folder;
    expect_error(Exit::environment, "nowhere", [&] {
        Hdf5Writer const writer(folder / "nowhere" / "file.h5");
    });
}

// A limit on the size of files stands for a disk that fills up. In a process of its own: HDF5 keeps
// a file that it could not write to its end open until the process ends.
TEST(Hdf5WriterTest, DiskThatFillsUpIsTheEnvironmentsFault) {
    TemporaryFolder const folder;
    auto const child = ::fork();
    ASSERT_GE(child, 0);
    if (child == 0) {
        std::signal(SIGXFSZ, SIG_IGN);
        rlimit const limit{.rlim_cur = 100'000, .rlim_max = 100'000};
        ::setrlimit(RLIMIT_FSIZE, &limit);
        int code = 0;
        try {
            Hdf5Writer writer(folder / "full.h5");
            std::vector<float> const small(10'000, 1.0F);  // 40 kB each: the third is too much
            for (auto const* name : {"a", "b", "c"}) {
                writer.write<float>(name, {10'000}, small);
            }
            writer.close();
        } catch (Error const& error) {
            code = static_cast<int>(error.code());
        }
        ::_exit(code);
    }
    int status = 0;
    ASSERT_EQ(::waitpid(child, &status, 0), child);
    ASSERT_TRUE(WIFEXITED(status)) << "signal " << WTERMSIG(status);
    EXPECT_EQ(WEXITSTATUS(status), static_cast<int>(Exit::environment));
}

}  // namespace
}  // namespace isogloss
