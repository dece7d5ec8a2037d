// corpus/text_reader.cpp
#include "corpus/text_reader.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>
#include <string_view>

#include "base/require.h"
#include "corpus/json_field.h"
#include "corpus/utf8.h"

namespace isogloss {
namespace {

constexpr std::size_t kReadBytes = std::size_t{1} << 18;

std::filesystem::path without_compression(std::filesystem::path const& path) {
    auto const extension = path.extension();
    bool const compressed = extension == ".gz" || extension == ".xz" || extension == ".zst";
    return compressed ? path.stem() : path.filename();
}

bool is_blank(std::string const& line) {
    return line.find_first_not_of(" \t") == std::string::npos;
}

}  // namespace

bool is_text_file(std::filesystem::path const& path) {
    auto const extension = without_compression(path).extension();
    return extension == ".txt" || extension == ".jsonl";
}

TextReader::TextReader(std::filesystem::path const& path, TextFormat format, ByteRange range)
    : path_(path),
      format_(std::move(format)),
      range_(range),
      source_(path, std::max<std::int64_t>(0, range.begin - 1)),
      buffer_(kReadBytes) {
    require_data(
        is_text_file(path), "{}: neither .txt nor .jsonl (plain, .gz, .xz or .zst)", path.string()
    );
    is_json_ = without_compression(path).extension() == ".jsonl";
    if (range_.begin == 0) {
        begin_file();
    } else {
        begin_range();
    }
}

void TextReader::begin_file() {
    constexpr std::string_view kByteOrderMark = "\xEF\xBB\xBF";
    if (refill() && std::string_view(buffer_.data(), end_).starts_with(kByteOrderMark)) {
        begin_ = kByteOrderMark.size();
    }
    if (begin_ == end_ && !is_cut_) {
        ++records_;
        fault(Fault::empty, "the file");
    }
}

// The byte before the range says whether a line begins with the range. What began before it is
// passed over, but not beyond the range's end: where nothing begins in it, nothing is its own.
void TextReader::begin_range() {
    buffer_begin_ = range_.begin - 1;
    bool is_line_begun = false;
    while (!is_line_begun && position() < range_.end && (begin_ < end_ || refill())) {
        auto const* const first = buffer_.data() + begin_;
        auto const* const newline =
            static_cast<char const*>(std::memchr(first, '\n', end_ - begin_));
        is_line_begun = newline != nullptr;
        begin_ = newline == nullptr ? end_ : static_cast<std::size_t>(newline + 1 - buffer_.data());
    }
    bool const by_line = is_json_ || format_.layout == Layout::lines;
    bool is_begun = by_line;
    while (!is_begun && is_line_begun && position() < range_.end) {
        auto const state = read_line(line_);
        is_line_begun = state != Line::end;
        is_begun = state == Line::whole && is_blank(line_);
    }
    is_past_ = !is_line_begun || !is_begun || (by_line && position() >= range_.end);
}

void TextReader::fault(Fault reason, std::string const& detail) {
    // Only who reads from the front knows the line's number.
    auto const place = range_.begin == 0 ? fmt::format("line {}", line_number_)
                                         : fmt::format("byte {}", line_begin_);
    faults_.add(
        reason, fmt::format(
                    "{} {}: {}{}{}", path_.filename().string(), place, name_of(reason),
                    detail.empty() ? "" : ": ", detail
                )
    );
}

bool TextReader::refill() {
    if (ended_) {
        return false;
    }
    buffer_begin_ += static_cast<std::int64_t>(end_);
    begin_ = 0;
    end_ = 0;
    try {
        end_ = source_.read(buffer_);
    } catch (Error const& error) {
        if (error.code() != Exit::data) {
            throw;
        }
        is_cut_ = true;
        ++records_;
        fault(Fault::cut_short, error.what());
    }
    ended_ = end_ == 0;
    return !ended_;
}

TextReader::Line TextReader::read_line(std::string& line) {
    line.clear();
    bool is_long = false;
    bool is_started = false;
    bool is_ended = false;  // by its newline
    while (begin_ < end_ || refill()) {
        if (!is_started) {
            is_started = true;
            ++line_number_;
            line_begin_ = position();
        }
        auto const* const first = buffer_.data() + begin_;
        auto const* const newline =
            static_cast<char const*>(std::memchr(first, '\n', end_ - begin_));
        auto const count =
            newline == nullptr ? end_ - begin_ : static_cast<std::size_t>(newline - first);
        is_long = is_long || line.size() + count > static_cast<std::size_t>(format_.max_bytes);
        if (!is_long) {
            line.append(first, count);
        }
        begin_ += count + (newline == nullptr ? 0 : 1);
        is_ended = newline != nullptr;
        if (is_ended) {
            break;
        }
    }
    if (!is_started || (is_cut_ && !is_ended)) {
        return Line::end;
    }
    if (line.ends_with('\r')) {
        line.pop_back();
    }
    return is_long ? Line::too_long : Line::whole;
}

bool TextReader::accept(std::string const& document) {
    if (is_blank(document)) {
        fault(Fault::empty);
        return false;
    }
    if (!is_utf8(document)) {
        fault(Fault::broken_utf8);
        return false;
    }
    return true;
}

bool TextReader::parse_json(std::string& document) {
    if (!is_utf8(line_)) {
        fault(Fault::broken_utf8);
        return false;
    }
    switch (read_json_field(line_, format_.field, document)) {
        case FieldState::wrong_json: fault(Fault::wrong_json); return false;
        case FieldState::missing:
            fault(Fault::missing_field, "no text \"" + format_.field + "\"");
            return false;
        case FieldState::found: break;
    }
    return accept(document);
}

bool TextReader::next_line_record(std::string& document) {
    while (true) {
        // The first line begins at 0, though a byte order mark may push its text behind the range.
        bool const is_own = position() < range_.end || (range_.begin == 0 && line_number_ == 0);
        auto const state = is_own ? read_line(line_) : Line::end;
        if (state == Line::end) {
            return false;
        }
        if (state == Line::whole && is_blank(line_) && !ended_) {
            continue;  // a blank line is nobody's record
        }
        ++records_;
        if (state == Line::too_long) {
            fault(Fault::too_long);
        } else if (is_json_ ? parse_json(document) : accept(line_)) {
            if (!is_json_) {
                document = line_;
            }
            return true;
        }
    }
}

bool TextReader::next_paragraph(std::string& document) {
    auto const longest = static_cast<std::size_t>(format_.max_bytes);
    while (!is_past_) {
        document = std::exchange(carried_, {});
        bool is_long = false;
        auto state = Line::end;
        while ((state = read_line(line_)) != Line::end) {
            is_long = is_long || state == Line::too_long;
            if (state == Line::whole && is_blank(line_)) {
                is_past_ = line_begin_ >= range_.end;
                break;
            }
            if (!document.empty() && document.size() + 1 + line_.size() > longest) {
                carried_ = line_;
                break;
            }
            document += document.empty() ? "" : "\n";
            document += line_;
        }
        if (state == Line::end && (is_cut_ || (document.empty() && !is_long))) {
            return false;  // a paragraph that the file's cut ends is a half
        }
        if (document.empty() && !is_long) {
            continue;
        }
        ++records_;
        if (is_long) {
            fault(Fault::too_long);
        } else if (accept(document)) {
            return true;
        }
    }
    return false;
}

bool TextReader::next(std::string& document) {
    if (is_past_) {
        return false;
    }
    bool const by_line = is_json_ || format_.layout == Layout::lines;
    return by_line ? next_line_record(document) : next_paragraph(document);
}

}  // namespace isogloss
