// corpus/byte_source.cpp
#include "corpus/byte_source.h"

#include <algorithm>
#include <array>
#include <boost/iostreams/filter/gzip.hpp>
#include <boost/iostreams/filter/lzma.hpp>
#include <boost/iostreams/filter/zstd.hpp>
#include <boost/iostreams/filtering_streambuf.hpp>
#include <cstring>
#include <fstream>
#include <ios>
#include <string>
#include <string_view>

#include "base/require.h"

namespace isogloss {
namespace {

namespace io = boost::iostreams;
using namespace std::string_view_literals;

// Boost's zstd filter ends in silence where a file is cut short. So a frame of these eight bytes,
// stored uncompressed, is read after the file's end: only if they come out is the file whole.
constexpr auto kEndMark = "\x8b\x11\xe5\x47\xc9\x02\xfe\x9d"sv;
constexpr auto kMarkFrame =
    "\x28\xb5\x2f\xfd\x20\x08\x41\x00\x00\x8b\x11\xe5\x47\xc9\x02\xfe\x9d"sv;

constexpr std::int64_t kMostIdle = std::int64_t{64} << 20;

std::ifstream open_file(std::filesystem::path const& path) {
    std::ifstream file(path, std::ios::binary);
    bool const is_file = std::filesystem::is_regular_file(path) && file.is_open();
    require_data(is_file, "{}: cannot be opened for reading", path.string());
    return file;
}

// Leaves the file at its front.
Compression compression_at_front(std::ifstream& file) {
    std::array<char, 6> head{};
    file.read(head.data(), head.size());
    std::string_view const start(head.data(), static_cast<std::size_t>(file.gcount()));
    file.clear();
    file.seekg(0);
    if (start.starts_with("\x1f\x8b"sv)) {
        return Compression::gzip;
    }
    if (start.starts_with("\xfd\x37zXZ\x00"sv)) {
        return Compression::xz;
    }
    return start.starts_with("\x28\xb5\x2f\xfd"sv) ? Compression::zstd : Compression::none;
}

}  // namespace

Compression compression_of(std::filesystem::path const& path) {
    auto file = open_file(path);
    return compression_at_front(file);
}

struct ByteSource::Stream {
    // What Boost reads from: the file, then, for zstd, the mark.
    struct Source {
        using char_type = char;
        using category = io::source_tag;

        std::streamsize read(char* out, std::streamsize bytes) {
            stream->file.read(out, bytes);
            auto count = stream->file.gcount();
            stream->file_bytes += count;
            stream->idle_bytes += count;
            // A header may go on for ever, and what reads it keeps it.
            if (stream->compression != Compression::none && stream->idle_bytes > kMostIdle) {
                throw std::ios_base::failure("it gives no text");
            }
            auto& mark = stream->mark_left;
            if (count == 0 && !mark.empty()) {
                count = std::min(bytes, static_cast<std::streamsize>(mark.size()));
                std::memcpy(out, mark.data(), static_cast<std::size_t>(count));
                mark.remove_prefix(static_cast<std::size_t>(count));
            }
            return count == 0 ? -1 : count;
        }
        Stream* stream;
    };

    std::filesystem::path path;
    std::ifstream file;
    Compression compression = Compression::none;
    std::string_view mark_left;
    std::string held;  // zstd: the last bytes so far, which may be the mark
    std::int64_t file_bytes = 0;
    std::int64_t idle_bytes = 0;  // of the file, read for the piece of text that is asked for
    io::filtering_streambuf<io::input> chain;
};

ByteSource::ByteSource(std::filesystem::path const& path, std::int64_t begin)
    : stream_(std::make_unique<Stream>()) {
    auto& stream = *stream_;
    stream.path = path;
    stream.file = open_file(path);
    stream.compression = compression_at_front(stream.file);
    require(
        begin == 0 || stream.compression == Compression::none,
        "{}: compressed, and to be read from byte {}", path.string(), begin
    );
    stream.file.seekg(begin);
    switch (stream.compression) {
        case Compression::none: break;
        case Compression::gzip: stream.chain.push(io::gzip_decompressor()); break;
        case Compression::xz: stream.chain.push(io::lzma_decompressor()); break;
        case Compression::zstd:
            stream.chain.push(io::zstd_decompressor());
            stream.mark_left = kMarkFrame;
            break;
    }
    stream.chain.push(Stream::Source{&stream});
}

ByteSource::~ByteSource() = default;
ByteSource::ByteSource(ByteSource&&) noexcept = default;
ByteSource& ByteSource::operator=(ByteSource&&) noexcept = default;

std::size_t ByteSource::read(std::span<char> out) {
    auto& stream = *stream_;
    require(out.size() > kEndMark.size(), "a buffer of {} bytes", out.size());
    // Bytes held back come first; as many are held back again.
    std::memcpy(out.data(), stream.held.data(), stream.held.size());
    auto const begin = stream.held.size();
    std::streamsize count = 0;
    stream.idle_bytes = 0;
    try {
        count = stream.chain.sgetn(
            out.data() + begin, static_cast<std::streamsize>(out.size() - begin)
        );
    } catch (std::ios_base::failure const& error) {
        fail(
            Exit::data, "{}: the compressed text is damaged or cut short: {}", stream.path.string(),
            error.what()
        );
    }
    require_data(!stream.file.bad(), "{}: reading failed", stream.path.string());
    auto const total = begin + static_cast<std::size_t>(count);
    if (stream.compression != Compression::zstd) {
        return total;
    }
    if (count == 0) {
        require_data(
            stream.held == kEndMark, "{}: the compressed text is cut short", stream.path.string()
        );
        return 0;
    }
    auto const kept = std::min(kEndMark.size(), total);
    stream.held.assign(out.data() + total - kept, kept);
    if (total == kept) {
        return read(out);
    }
    return total - kept;
}

std::int64_t ByteSource::file_bytes_read() const {
    return stream_->file_bytes;
}

}  // namespace isogloss
