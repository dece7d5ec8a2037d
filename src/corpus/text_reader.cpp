// corpus/text_reader.cpp
#include "corpus/text_reader.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>
#include <numeric>

#include "base/require.h"
#include "corpus/utf8.h"

namespace isogloss {
namespace {

constexpr std::size_t kBufferBytes = std::size_t{1} << 18;
constexpr std::array<char const*, kFaults> kFaultNames{"broken_utf8", "wrong_json", "missing_field",
                                                       "empty",       "too_long",   "cut_short"};

std::filesystem::path without_compression(std::filesystem::path const& path) {
    auto const extension = path.extension();
    bool const compressed = extension == ".gz" || extension == ".xz" || extension == ".zst";
    return compressed ? path.stem() : path.filename();
}

bool is_blank(std::string const& line) {
    return line.find_first_not_of(" \t") == std::string::npos;
}

}  // namespace

char const* name_of(Fault fault) {
    return kFaultNames[static_cast<std::size_t>(fault)];
}

void FaultCounts::add(Fault fault, std::string const& place) {
    ++counts[static_cast<std::size_t>(fault)];
    if (places.size() < kPlaces) {
        places.push_back(place);
    }
}

void FaultCounts::add(FaultCounts const& others) {
    for (std::size_t i = 0; i < kFaults; ++i) {
        counts[i] += others.counts[i];
    }
    for (auto const& place : others.places) {
        if (places.size() < kPlaces) {
            places.push_back(place);
        }
    }
}

std::int64_t FaultCounts::total() const {
    return std::accumulate(counts.begin(), counts.end(), std::int64_t{0});
}

Json to_json(FaultCounts const& faults) {
    Json value = Json::object();
    for (std::size_t i = 0; i < kFaults; ++i) {
        value[kFaultNames[i]] = faults.counts[i];
    }
    value["places"] = faults.places;
    return value;
}

FaultCounts fault_counts(Json const& value, std::string const& where) {
    FaultCounts faults;
    for (std::size_t i = 0; i < kFaults; ++i) {
        faults.counts[i] = json_get<std::int64_t>(value, kFaultNames[i], where);
    }
    faults.places = json_get<std::vector<std::string>>(value, "places", where);
    return faults;
}

bool is_text_file(std::filesystem::path const& path) {
    auto const extension = without_compression(path).extension();
    return extension == ".txt" || extension == ".jsonl";
}

TextReader::TextReader(std::filesystem::path const& path, TextFormat format)
    : path_(path), format_(std::move(format)), source_(path), buffer_(kBufferBytes) {
    require_data(
        is_text_file(path), "{}: neither .txt nor .jsonl (plain, .gz, .xz or .zst)", path.string()
    );
    is_json_ = without_compression(path).extension() == ".jsonl";
    constexpr std::string_view kByteOrderMark = "\xEF\xBB\xBF";
    if (refill() && std::string_view(buffer_.data(), end_).starts_with(kByteOrderMark)) {
        begin_ = kByteOrderMark.size();
    }
    if (begin_ == end_ && !is_cut_) {
        ++records_;
        fault(Fault::empty, "the file");
    }
}

void TextReader::fault(Fault reason, std::string const& detail) {
    faults_.add(
        reason, fmt::format(
                    "{} line {}: {}{}{}", path_.filename().string(), line_number_, name_of(reason),
                    detail.empty() ? "" : ": ", detail
                )
    );
}

bool TextReader::refill() {
    if (ended_) {
        return false;
    }
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
    auto const value = Json::parse(line_, nullptr, false);
    if (value.is_discarded()) {
        fault(Fault::wrong_json);
        return false;
    }
    auto const found = value.is_object() ? value.find(format_.field) : value.end();
    if (!value.is_object() || found == value.end() || !found->is_string()) {
        fault(Fault::missing_field, "no text \"" + format_.field + "\"");
        return false;
    }
    document = found->get<std::string>();
    return accept(document);
}

bool TextReader::next_line_record(std::string& document) {
    while (true) {
        auto const state = read_line(line_);
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
    while (true) {
        document = std::exchange(carried_, {});
        bool is_long = false;
        auto state = Line::end;
        while ((state = read_line(line_)) != Line::end) {
            is_long = is_long || state == Line::too_long;
            if (state == Line::whole && is_blank(line_)) {
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
}

bool TextReader::next(std::string& document) {
    bool const by_line = is_json_ || format_.layout == Layout::lines;
    return by_line ? next_line_record(document) : next_paragraph(document);
}

}  // namespace isogloss
