// fuzz/text_reader_fuzz.cpp - .txt and .jsonl files, read at once and in ranges.
//
// The first byte is no text: its bits choose the form, the longest record and the ranges.
#include <algorithm>

#include "corpus/text_reader.h"
#include "corpus/utf8.h"
#include "fuzz/fuzz_target.h"
#include "fuzz/scratch.h"

namespace isogloss::fuzz {
namespace {

struct Read {
    std::vector<std::string> documents;
    std::array<std::int64_t, kFaults> faults{};
    std::int64_t records = 0;
    bool operator==(Read const&) const = default;
};

void add_range(
    Read& read, std::filesystem::path const& path, TextFormat const& format, ByteRange range
) {
    TextReader reader(path, format, range);
    for (std::string document; reader.next(document);) {
        expect(is_utf8(document), "a document is UTF-8");
        expect(!document.empty(), "a document is not empty");
        expect(
            static_cast<std::int64_t>(document.size()) <= format.max_bytes,
            "a document is no longer than the limit"
        );
        read.documents.push_back(document);
    }
    for (std::size_t i = 0; i < kFaults; ++i) {
        read.faults[i] += reader.faults().counts[i];
    }
    read.records += reader.records();
}

}  // namespace

void read_hostile(std::string_view bytes) {
    static Scratch const scratch;
    if (bytes.empty()) {
        return;
    }
    auto const choice = static_cast<unsigned char>(bytes.front());
    bytes.remove_prefix(1);
    TextFormat format;
    format.layout = (choice & 1U) != 0 ? Layout::lines : Layout::paragraphs;
    format.max_bytes = (choice & 2U) != 0 ? 20 : 4096;
    auto const path = scratch.write((choice & 4U) != 0 ? "a.jsonl" : "a.txt", bytes);
    Read whole;
    add_range(whole, path, format, {});
    auto const length = static_cast<std::int64_t>(bytes.size());
    if (length == 0 || compression_of(path) != Compression::none) {
        return;
    }
    Read ranges;
    auto const step = 1 + length / (1 + (choice >> 3U));
    for (std::int64_t begin = 0; begin < length; begin += step) {
        add_range(ranges, path, format, {.begin = begin, .end = std::min(length, begin + step)});
    }
    expect(ranges == whole, "ranges give what the whole file gives");
}

std::vector<std::string> seeds() {
    std::string const text = "one\ntwo\n\n \nthree\r\n\r\nη θάλασσα\n";
    std::string const json =
        "{\"text\": \"a\\u0394\\n\", \"x\": [1, {\"y\": null}]}\n\n{\"text\": \"b\"}\n";
    std::vector<std::string> all;
    for (char const choice : {'\x20', '\x21', '\x32', '\x7B'}) {
        all.push_back(choice + text);
        all.push_back(static_cast<char>(choice | 4) + json);
    }
    return all;
}

}  // namespace isogloss::fuzz
