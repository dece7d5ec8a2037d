// fuzz/byte_source_fuzz.cpp - gzip, xz and zstd.
#include <boost/iostreams/copy.hpp>
#include <boost/iostreams/filter/gzip.hpp>
#include <boost/iostreams/filter/lzma.hpp>
#include <boost/iostreams/filter/zstd.hpp>
#include <boost/iostreams/filtering_streambuf.hpp>
#include <sstream>

#include "corpus/byte_source.h"
#include "fuzz/fuzz_target.h"
#include "fuzz/scratch.h"

namespace isogloss::fuzz {
namespace {

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

}  // namespace

void read_hostile(std::string_view bytes) {
    constexpr std::size_t kMost = std::size_t{16} << 20;  // a bomb may go on for days
    static Scratch const scratch;
    ByteSource source(scratch.write("a", bytes));
    std::vector<char> buffer(std::size_t{1} << 16);
    std::size_t total = 0;
    for (std::size_t count = 1; count > 0 && total < kMost; total += count) {
        count = source.read(buffer);
        expect(count <= buffer.size(), "no more is read than there is room for");
    }
}

std::vector<std::string> seeds() {
    namespace io = boost::iostreams;
    std::string text;
    for (int i = 0; i < 200; ++i) {
        text += "line " + std::to_string(i * 7919) + "\n";
    }
    auto const gzip = compressed<io::gzip_compressor>(text);
    auto const zstd = compressed<io::zstd_compressor>(text);
    return {gzip, compressed<io::lzma_compressor>(text), zstd, gzip + gzip, zstd + zstd, text, ""};
}

}  // namespace isogloss::fuzz
