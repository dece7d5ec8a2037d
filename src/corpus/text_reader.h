// corpus/text_reader.h - documents from a text or jsonl file; what is broken is counted by reason.
#pragma once

#include <array>
#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "base/json.h"
#include "corpus/byte_source.h"

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

enum class Fault : std::uint8_t {
    broken_utf8,
    wrong_json,
    missing_field,  ///< or not a text
    empty,          ///< a record, or a whole file, without text
    too_long,
    cut_short,  ///< a compressed file that is damaged or ends early: the record begun, and the rest
};
inline constexpr std::size_t kFaults = 6;
char const* name_of(Fault fault);

/// Faults by reason, and where the first few of them are.
struct FaultCounts {
    static constexpr std::size_t kPlaces = 5;

    std::array<std::int64_t, kFaults> counts{};
    std::vector<std::string> places;  ///< "el.jsonl line 7: wrong_json: ..."

    void add(Fault fault, std::string const& place);
    void add(FaultCounts const& others);
    [[nodiscard]] std::int64_t total() const;
};

Json to_json(FaultCounts const& faults);
FaultCounts fault_counts(Json const& value, std::string const& where);

/// Is this the name of a file that can be read: .txt or .jsonl, plain or .gz, .xz, .zst?
bool is_text_file(std::filesystem::path const& path);

/// Reads documents in their order, with bounded memory.
class TextReader {
public:
    /// @throws Error  (data) when the file cannot be opened or its name says no known form
    TextReader(std::filesystem::path const& path, TextFormat format);

    /// The next document: valid UTF-8, not empty, lines separated by '\n'. False at the end.
    bool next(std::string& document);

    [[nodiscard]] FaultCounts const& faults() const { return faults_; }
    /// Good and bad ones.
    [[nodiscard]] std::int64_t records() const { return records_; }
    /// Bytes of the file itself that are read so far.
    [[nodiscard]] std::int64_t file_bytes_read() const { return source_.file_bytes_read(); }

private:
    enum class Line : std::uint8_t { whole, too_long, end };

    /// A line that the file's cut ends is no line.
    Line read_line(std::string& line);
    bool refill();
    bool next_line_record(std::string& document);
    bool next_paragraph(std::string& document);
    bool parse_json(std::string& document);
    bool accept(std::string const& document);
    void fault(Fault reason, std::string const& detail = {});

    std::filesystem::path path_;
    TextFormat format_;
    bool is_json_ = false;
    ByteSource source_;
    std::vector<char> buffer_;
    std::size_t begin_ = 0;  ///< of what is not yet used in buffer_
    std::size_t end_ = 0;
    bool ended_ = false;
    bool is_cut_ = false;  ///< it ended where reading failed, so what was begun there is a half
    std::string line_;
    std::string carried_;  ///< the line that begins the next part of a long paragraph
    std::int64_t line_number_ = 0;
    std::int64_t records_ = 0;
    FaultCounts faults_;
};

}  // namespace isogloss
