// corpus/text_reader.h - documents from a text or jsonl file; what is broken is counted by reason.
#pragma once

#include <cstdint>
#include <filesystem>
#include <limits>
#include <string>
#include <vector>

#include "corpus/byte_source.h"
#include "corpus/faults.h"

namespace isogloss {

/// Where documents end in a text file (a .jsonl file has one a line).
enum class Layout : std::uint8_t {
    paragraphs,  ///< at blank lines
    lines,       ///< at each line's end
};

struct TextFormat {
    Layout layout = Layout::paragraphs;
    std::string field = "text";  ///< of a jsonl line's object
    /// Longest record read, in bytes: the bound of the reader's memory. Longer lines are faults;
    /// longer paragraphs are cut at a line's end and go on as another document.
    std::int64_t max_bytes = std::int64_t{16} << 20;
};

/// Bytes [begin, end) of a plain file. A record is that range's in which it begins, and is read to
/// its end, so ranges that follow one another give each record once:
///     a line begins where it begins;
///     a paragraph begins, for this, with the last blank line before it.
struct ByteRange {
    std::int64_t begin = 0;
    std::int64_t end = std::numeric_limits<std::int64_t>::max();
};

/// Is this the name of a file that can be read: .txt or .jsonl, plain or .gz, .xz, .zst?
bool is_text_file(std::filesystem::path const& path);

/// Reads documents in their order. Memory: a buffer of 256 KiB and three records of at most
/// TextFormat::max_bytes each, whatever the file holds; and what decompression takes.
class TextReader {
public:
    /// @param range  of a plain file; a compressed one is read from its front
    /// @throws Error  (data) when the file cannot be opened or its name says no known form
    TextReader(std::filesystem::path const& path, TextFormat format, ByteRange range = {});

    /// The next document: valid UTF-8, not empty, lines separated by '\n'. False at the end.
    bool next(std::string& document);

    [[nodiscard]] FaultCounts const& faults() const { return faults_; }
    /// Good and bad ones.
    [[nodiscard]] std::int64_t records() const { return records_; }
    /// Bytes of the file itself that are read so far, of the range if it is one.
    [[nodiscard]] std::int64_t file_bytes_read() const { return source_.file_bytes_read(); }

private:
    enum class Line : std::uint8_t { whole, too_long, end };

    /// A line that the file's cut ends is no line.
    Line read_line(std::string& line);
    bool refill();
    void begin_file();
    void begin_range();
    /// Of the next byte, in the text.
    [[nodiscard]] std::int64_t position() const {
        return buffer_begin_ + static_cast<std::int64_t>(begin_);
    }
    bool next_line_record(std::string& document);
    bool next_paragraph(std::string& document);
    bool parse_json(std::string& document);
    bool accept(std::string const& document);
    void fault(Fault reason, std::string const& detail = {});

    std::filesystem::path path_;
    TextFormat format_;
    ByteRange range_;
    bool is_json_ = false;
    ByteSource source_;
    std::vector<char> buffer_;
    std::size_t begin_ = 0;  ///< of what is not yet used in buffer_
    std::size_t end_ = 0;
    std::int64_t buffer_begin_ = 0;  ///< where buffer_ begins in the text
    bool ended_ = false;
    bool is_past_ = false;  ///< what follows is another range's
    bool is_cut_ = false;   ///< it ended where reading failed, so what was begun there is a half
    std::string line_;
    std::string carried_;  ///< the line that begins the next part of a long paragraph
    std::int64_t line_number_ = 0;
    std::int64_t line_begin_ = 0;
    std::int64_t records_ = 0;
    FaultCounts faults_;
};

}  // namespace isogloss
