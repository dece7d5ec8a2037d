// support/small_text.h - sentences in several scripts, for tests that need text.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/random.h"

namespace isogloss::test {

inline std::vector<std::string> const& words_of(std::string const& tag) {
    static std::vector<std::string> const greek{"η", "θάλασσα", "είναι", "γαλάζια", "και", "ήρεμη"};
    static std::vector<std::string> const english{"the", "sea", "is", "blue", "and", "calm"};
    static std::vector<std::string> const chinese{"大海", "是", "蓝色", "的", "而且", "平静"};
    static std::vector<std::string> const hindi{"समुद्र", "नीला", "और", "शांत", "है", "आज"};
    return tag == "el" ? greek : tag == "zh" ? chinese : tag == "hi" ? hindi : english;
}

/// Document `index` of a language: some sentences, on some lines; every one is different.
inline std::string document_of(std::string const& tag, std::uint64_t index) {
    auto const& words = words_of(tag);
    auto const stream = random_stream(tag);
    auto const count = 5 + random_bits(7, stream, index) % 30;
    std::string text = std::to_string(index);
    for (std::uint64_t i = 0; i < count; ++i) {
        auto const bits = random_bits(index, stream, i);
        text += bits % 11 == 0 ? "\n" : " ";
        text += words[(bits >> 8U) % words.size()];
    }
    return text;
}

inline std::string jsonl_of(std::string const& tag, std::uint64_t begin, std::uint64_t end) {
    std::string lines;
    for (auto index = begin; index < end; ++index) {
        std::string escaped;
        for (char const c : document_of(tag, index)) {
            escaped += c == '\n' ? std::string("\\n") : std::string(1, c);
        }
        lines += "{\"text\": \"" + escaped + "\"}\n";
    }
    return lines;
}

}  // namespace isogloss::test
