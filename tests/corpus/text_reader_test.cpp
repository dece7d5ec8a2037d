// corpus/text_reader_test.cpp
#include "corpus/text_reader.h"

#include <fmt/format.h>

#include <algorithm>
#include <boost/iostreams/copy.hpp>
#include <boost/iostreams/filter/gzip.hpp>
#include <boost/iostreams/filter/lzma.hpp>
#include <boost/iostreams/filter/zstd.hpp>
#include <boost/iostreams/filtering_streambuf.hpp>
#include <span>
#include <sstream>

#include "base/random.h"
#include "corpus/utf8.h"
#include "support/expect_error.h"
#include "support/temporary_folder.h"

namespace isogloss {
namespace {

using test::expect_error;
using test::TemporaryFolder;
using test::write_content;
using Documents = std::vector<std::string>;

struct Result {
    Documents documents;
    FaultCounts faults;
    std::int64_t records = 0;

    [[nodiscard]] std::int64_t count(Fault fault) const {
        return faults.counts[static_cast<std::size_t>(fault)];
    }
};

Result read_all(std::filesystem::path const& path, TextFormat const& format = {}) {
    TextReader reader(path, format);
    Result result;
    for (std::string document = "poison"; reader.next(document);) {
        result.documents.push_back(document);
    }
    result.faults = reader.faults();
    result.records = reader.records();
    return result;
}

TEST(TextReaderTest, BlankLinesSeparateParagraphs) {
    TemporaryFolder const folder;
    write_content(folder / "a.txt", "\xEF\xBB\xBFone\ntwo\n\n \n\nthree\r\nfour\r\n\r\nfive");
    EXPECT_EQ(read_all(folder / "a.txt").documents, (Documents{"one\ntwo", "three\nfour", "five"}));
    auto const lines = read_all(folder / "a.txt", {.layout = Layout::lines});
    EXPECT_EQ(lines.documents, (Documents{"one", "two", "three", "four", "five"}));
    EXPECT_EQ(lines.faults.total(), 0);
}

TEST(TextReaderTest, JsonLinesGiveTheirField) {
    TemporaryFolder const folder;
    write_content(
        folder / "a.jsonl",
        "{\"text\": \"Ελλάδα\\n\\u0394\", \"id\": 1}\n\n{\"id\": 2, \"text\": \"b\"}"
    );
    EXPECT_EQ(read_all(folder / "a.jsonl").documents, (Documents{"Ελλάδα\nΔ", "b"}));
    write_content(folder / "b.jsonl", "{\"body\": \"x\"}\n");
    EXPECT_EQ(read_all(folder / "b.jsonl", {.field = "body"}).documents, (Documents{"x"}));
}

TEST(TextReaderTest, FaultsAreCountedByReasonAndNamed) {
    TemporaryFolder const folder;
    write_content(
        folder / "a.jsonl",
        "{\"text\": \"good\"}\n"
        "{\"text\": \"bad \xFF\"}\n"                // broken UTF-8
        "{\"text\": \"unfinished\n"                 // wrong JSON
        "{\"text\": \"\\ud800\"}\n"                 // half a surrogate pair: wrong JSON
        "{\"other\": \"x\"}\n[1]\n{\"text\": 5}\n"  // no text
        "{\"text\": \"  \"}\n"                      // empty
        "{\"text\": \"" +
            std::string(200, 'x') +
            "\"}\n"  // too long
            "{\"text\": \"last\"}\n"
    );
    auto const result = read_all(folder / "a.jsonl", {.max_bytes = 100});
    EXPECT_EQ(result.documents, (Documents{"good", "last"}));
    EXPECT_EQ(result.records, 10);
    EXPECT_EQ(result.count(Fault::broken_utf8), 1);
    EXPECT_EQ(result.count(Fault::wrong_json), 2);
    EXPECT_EQ(result.count(Fault::missing_field), 3);
    EXPECT_EQ(result.count(Fault::empty), 1);
    EXPECT_EQ(result.count(Fault::too_long), 1);
    ASSERT_EQ(result.faults.places.size(), FaultCounts::kPlaces);
    EXPECT_EQ(result.faults.places[0], "a.jsonl line 2: broken_utf8");
}

TEST(TextReaderTest, EmptyFileIsAFault) {
    TemporaryFolder const folder;
    write_content(folder / "a.txt", "");
    auto const result = read_all(folder / "a.txt");
    EXPECT_TRUE(result.documents.empty());
    EXPECT_EQ(result.count(Fault::empty), 1);
    EXPECT_EQ(result.records, 1);
}

TEST(TextReaderTest, LongParagraphIsCutAtALinesEnd) {
    TemporaryFolder const folder;
    write_content(folder / "a.txt", "aaaa\nbbbb\ncccc\ndddd\n\nee");
    auto const result = read_all(folder / "a.txt", {.max_bytes = 9});
    EXPECT_EQ(result.documents, (Documents{"aaaa\nbbbb", "cccc\ndddd", "ee"}));
    EXPECT_EQ(result.faults.total(), 0);
}

// 100 MB in one line, read with a limit of 1 MB: skipped, and what follows is read.
TEST(TextReaderTest, HugeLineIsSkippedInBoundedMemory) {
    TemporaryFolder const folder;
    {
        std::ofstream file(folder / "a.jsonl", std::ios::binary);
        std::string const piece(std::size_t{1} << 20, 'x');
        for (int i = 0; i < 100; ++i) {
            file << piece;
        }
        file << "\n{\"text\": \"after\"}\n";
    }
    auto const result = read_all(folder / "a.jsonl", {.max_bytes = 1 << 20});
    EXPECT_EQ(result.documents, (Documents{"after"}));
    EXPECT_EQ(result.count(Fault::too_long), 1);
}

template <class Compressor>
std::string compressed(std::string const& text) {
    namespace io = boost::iostreams;
    std::istringstream in(text);
    std::ostringstream out;
    io::filtering_streambuf<io::input> chain;
    chain.push(Compressor());
    chain.push(in);
    io::copy(chain, out);
    return out.str();
}

std::string many_lines() {
    std::string text;
    for (int i = 0; i < 40000; ++i) {  // several of the reader's buffers
        text += "line " + std::to_string(i * 7919) + "\n";
    }
    return text;
}

// Whole documents only, each in its place; the half one is counted once, as cut short.
void expect_whole_prefix(Result const& cut, Documents const& all) {
    ASSERT_LT(cut.documents.size(), all.size());
    EXPECT_TRUE(std::ranges::equal(cut.documents, std::span(all).first(cut.documents.size())));
    EXPECT_EQ(cut.faults.total(), 1);
    EXPECT_EQ(cut.records, static_cast<std::int64_t>(cut.documents.size()) + 1);
}

template <class Compressor>
void check_compressed(std::string const& ending) {
    TemporaryFolder const folder;
    auto const text = many_lines();
    auto const bytes = compressed<Compressor>(text);
    TextFormat const lines{.layout = Layout::lines};
    write_content(folder / "plain.txt", text);
    write_content(folder / ("a.txt" + ending), bytes);
    auto const plain = read_all(folder / "plain.txt", lines);
    EXPECT_EQ(plain.documents.size(), 40000U);
    auto const whole = read_all(folder / ("a.txt" + ending), lines);
    EXPECT_EQ(whole.documents, plain.documents);
    EXPECT_EQ(whole.faults.total(), 0);

    write_content(folder / ("two.txt" + ending), bytes + bytes);
    EXPECT_EQ(read_all(folder / ("two.txt" + ending), lines).documents.size(), 80000U);

    for (auto const left : {bytes.size() / 2, bytes.size() - 3, bytes.size() - 1}) {
        write_content(folder / ("cut.txt" + ending), bytes.substr(0, left));
        auto const cut = read_all(folder / ("cut.txt" + ending), lines);
        EXPECT_EQ(cut.count(Fault::cut_short), 1) << left << " of " << bytes.size() << " bytes";
        expect_whole_prefix(cut, plain.documents);
    }
    auto altered = bytes;
    altered[bytes.size() / 2] = static_cast<char>(altered[bytes.size() / 2] ^ 0x10);
    altered[bytes.size() / 2 + 1] = static_cast<char>(altered[bytes.size() / 2 + 1] ^ 0x40);
    write_content(folder / ("altered.txt" + ending), altered);
    auto const damaged = read_all(folder / ("altered.txt" + ending), lines);
    // A zstd frame without checksum may decode to other text of the same length.
    EXPECT_TRUE(ending == ".zst" || damaged.count(Fault::cut_short) == 1);
}

TEST(TextReaderTest, GzipIsReadAndItsDamageFound) {
    check_compressed<boost::iostreams::gzip_compressor>(".gz");
}
TEST(TextReaderTest, XzIsReadAndItsDamageFound) {
    check_compressed<boost::iostreams::lzma_compressor>(".xz");
}
TEST(TextReaderTest, ZstdIsReadAndItsDamageFound) {
    check_compressed<boost::iostreams::zstd_compressor>(".zst");
}

struct Written {
    std::string name;
    std::string text;
    TextFormat format;
};

// The same texts as lines, as paragraphs of two lines, and as jsonl; longer than the reader's
// buffer when compressed.
std::vector<Written> texts_in_all_forms(std::uint64_t records) {
    Written lines{"l.txt", "", {.layout = Layout::lines}};
    Written paragraphs{"p.txt", "", {}};
    Written json{"j.jsonl", "", {}};
    for (std::uint64_t i = 0; i < records; ++i) {
        auto const text = fmt::format("{} {}", random_bits(1, 2, i), random_bits(1, 3, i));
        lines.text += text + "\n";
        paragraphs.text += text + "\nsecond line\n\n";
        json.text += "{\"text\": \"" + text + "\"}\n";
    }
    return {lines, paragraphs, json};
}

TEST(TextReaderTest, TheHalfRecordBeforeACutIsSkipped) {
    TemporaryFolder const folder;
    for (auto const& [name, text, format] : texts_in_all_forms(20000)) {
        write_content(folder / name, text);
        auto const all = read_all(folder / name, format);
        ASSERT_EQ(all.documents.size(), 20000U);
        auto const bytes = compressed<boost::iostreams::gzip_compressor>(text);
        for (auto const left : {bytes.size() / 2, bytes.size() - 1000, bytes.size() - 1011}) {
            write_content(folder / (name + ".gz"), bytes.substr(0, left));
            auto const cut = read_all(folder / (name + ".gz"), format);
            EXPECT_GT(cut.documents.size(), 1000U);
            EXPECT_EQ(cut.count(Fault::cut_short), 1);
            expect_whole_prefix(cut, all.documents);
        }
    }
}

// The name in a gzip header ends with a NUL (RFC 1952, 2.3.1); in this file it never comes.
TEST(TextReaderTest, AHeaderWithoutEndIsOneFault) {
    TemporaryFolder const folder;
    auto const path = folder / "a.txt.gz";
    write_content(
        path, std::string("\x1f\x8b\x08\x08\0\0\0\0\0\3", 10) + std::string(100 << 20, 'x')
    );
    TextReader reader(path, {});
    std::string document;
    EXPECT_FALSE(reader.next(document));
    EXPECT_EQ(reader.faults().counts[static_cast<std::size_t>(Fault::cut_short)], 1);
    EXPECT_LT(reader.file_bytes_read(), 80 << 20);
}

TEST(TextReaderTest, AFileCutInItsHeadIsOneFault) {
    TemporaryFolder const folder;
    auto const bytes = compressed<boost::iostreams::gzip_compressor>("one\ntwo\n");
    write_content(folder / "a.txt.gz", bytes.substr(0, 12));
    auto const result = read_all(folder / "a.txt.gz");
    EXPECT_TRUE(result.documents.empty());
    EXPECT_EQ(result.count(Fault::cut_short), 1);
    EXPECT_EQ(result.faults.total(), 1);
    EXPECT_EQ(result.records, 1);
}

// All records of ranges that follow one another, cut after every `step` bytes.
Result read_ranges(std::filesystem::path const& path, TextFormat const& format, std::int64_t step) {
    Result all;
    auto const bytes = static_cast<std::int64_t>(std::filesystem::file_size(path));
    for (std::int64_t begin = 0; begin < bytes; begin += step) {
        TextReader reader(path, format, {.begin = begin, .end = std::min(bytes, begin + step)});
        for (std::string document; reader.next(document);) {
            all.documents.push_back(document);
        }
        all.records += reader.records();
        all.faults.add(reader.faults());
    }
    return all;
}

// Blank lines at borders, several of them, lines and paragraphs longer than a range, CR LF, a byte
// order mark, no newline at the end; every width of range.
TEST(TextReaderTest, RangesGiveEachRecordOnce) {
    TemporaryFolder const folder;
    std::string const text = "\xEF\xBB\xBFone\n\n\n  \ntwo\nthree\r\n\r\n" + std::string(40, 'x') +
                             "\nfive\nsix\n\nbad \xFF\n\n\nseven\neight\nnine and more\n \nten";
    write_content(folder / "p.txt", text);
    write_content(folder / "q.txt", text + "\n\n");
    for (auto const* name : {"p.txt", "q.txt"}) {
        for (auto const layout : {Layout::paragraphs, Layout::lines}) {
            // 16: "seven\neight\nnine and more" is cut into documents of its own.
            for (std::int64_t const longest : {16, 1000}) {
                TextFormat const format{.layout = layout, .max_bytes = longest};
                auto const whole = read_all(folder / name, format);
                ASSERT_GE(whole.documents.size(), 4U);
                for (std::int64_t step = 1; step <= static_cast<std::int64_t>(text.size());
                     ++step) {
                    auto const cut = read_ranges(folder / name, format, step);
                    ASSERT_EQ(cut.documents, whole.documents) << name << " cut every " << step;
                    ASSERT_EQ(cut.faults.counts, whole.faults.counts) << step;
                    ASSERT_EQ(cut.records, whole.records) << step;
                }
            }
        }
    }
}

TEST(TextReaderTest, RangesOfJsonLinesGiveEachRecordOnce) {
    TemporaryFolder const folder;
    std::string const text =
        "{\"text\": \"a\"}\n\n{\"text\": 1}\n{\"text\": \"a longer one\"}\n{\"text\": \"b\"}";
    write_content(folder / "a.jsonl", text);
    auto const whole = read_all(folder / "a.jsonl");
    EXPECT_EQ(whole.documents.size(), 3U);
    for (std::int64_t step = 1; step <= static_cast<std::int64_t>(text.size()); ++step) {
        auto const cut = read_ranges(folder / "a.jsonl", {}, step);
        ASSERT_EQ(cut.documents, whole.documents) << step;
        ASSERT_EQ(cut.records, 4) << step;
        ASSERT_EQ(cut.faults.counts, whole.faults.counts) << step;
    }
    TextReader second(folder / "a.jsonl", {}, {.begin = 15, .end = 40});
    std::string document;
    EXPECT_TRUE(second.next(document));
    EXPECT_EQ(document, "a longer one");
    EXPECT_EQ(second.faults().places.at(0), "a.jsonl byte 15: missing_field: no text \"text\"");
}

// One line of 64 MB in 64 ranges: the first reads it, the others stop at their ends.
TEST(TextReaderTest, RangesInsideALongLineReadNoFurtherThanTheirEnds) {
    TemporaryFolder const folder;
    constexpr std::int64_t kMiB = std::int64_t{1} << 20;
    {
        std::ofstream file(folder / "a.txt", std::ios::binary);
        std::string const piece(static_cast<std::size_t>(kMiB), 'x');
        for (int i = 0; i < 64; ++i) {
            file << piece;
        }
    }
    std::int64_t read = 0;
    for (int i = 1; i < 64; ++i) {
        TextReader reader(folder / "a.txt", {}, {.begin = i * kMiB, .end = (i + 1) * kMiB});
        std::string document;
        EXPECT_FALSE(reader.next(document));
        read += reader.file_bytes_read();
    }
    EXPECT_LE(read, 63 * (kMiB + kMiB / 2));  // a range, and what a buffer reads ahead
}

TEST(TextReaderTest, MissingFileAndOtherEndingsAreNamed) {
    TemporaryFolder const folder;
    expect_error(Exit::data, "none.txt", [&] { read_all(folder / "none.txt"); });
    write_content(folder / "a.csv", "x");
    expect_error(Exit::data, "neither .txt nor .jsonl", [&] { read_all(folder / "a.csv"); });
}

TEST(TextReaderTest, Utf8IsWhatTheStandardSays) {
    // First and last of each row of table 3-7, and their neighbours outside.
    for (auto const* good :
         {"", "\x7F", "\xC2\x80", "\xDF\xBF", "\xE0\xA0\x80", "\xED\x9F\xBF", "\xEE\x80\x80",
          "\xEF\xBF\xBF", "\xF0\x90\x80\x80", "\xF4\x8F\xBF\xBF"}) {
        EXPECT_TRUE(is_utf8(good));
    }
    for (auto const* bad :
         {"\x80", "\xC1\xBF", "\xC2", "\xC2\x7F", "\xE0\x9F\xBF", "\xED\xA0\x80", "\xE2\x82",
          "\xE2\x28\xA1", "\xF0\x8F\xBF\xBF", "\xF4\x90\x80\x80", "\xF5\x80\x80\x80",
          "\xF0\x90\x80", "\xFF"}) {
        EXPECT_FALSE(is_utf8(bad));
    }
}

}  // namespace
}  // namespace isogloss
