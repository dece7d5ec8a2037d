// corpus/tokenizer_training.cpp
#include "corpus/tokenizer_training.h"

#include <sentencepiece_trainer.h>

#include <algorithm>
#include <functional>
#include <string_view>

#include "base/file.h"
#include "base/random.h"
#include "base/require.h"
#include "corpus/language_weights.h"

namespace isogloss {
namespace {

bool is_stopped(TokenizerTraining const& training) {
    return training.stop && training.stop();
}

// Calls `take` with each line of the language's documents and its number, up to a number of bytes.
void for_each_line(
    LanguageInput const& language,
    TokenizerTraining const& training,
    std::function<void(std::string_view, std::uint64_t)> const& take
) {
    std::string document;
    std::uint64_t number = 0;
    std::int64_t bytes = 0;
    for (auto const& file : language.files) {
        TextReader reader(file, training.format);
        while (bytes < training.language_bytes && !is_stopped(training) && reader.next(document)) {
            std::string_view text = document;
            while (!text.empty()) {
                auto const line = text.substr(0, text.find('\n'));
                if (!line.empty()) {
                    take(line, number++);
                }
                text.remove_prefix(std::min(text.size(), line.size() + 1));
            }
            bytes += static_cast<std::int64_t>(document.size());
        }
    }
}

// Bytes to take of each language: shares by temperature; what a small language has not, the others
// get.
std::vector<double> budgets(
    std::vector<std::int64_t> const& bytes, TokenizerTraining const& training
) {
    auto const weights = temperature_weights(bytes, training.temperature);
    std::vector<double> result(bytes.size(), 0.0);
    auto left = static_cast<double>(training.sample_bytes);
    std::vector<bool> is_full(bytes.size(), false);
    for (bool changed = true; changed;) {
        changed = false;
        double open = 0.0;
        for (std::size_t i = 0; i < bytes.size(); ++i) {
            open += is_full[i] ? 0.0 : weights[i];
        }
        auto const scale = open > 0.0 ? left / open : 0.0;
        for (std::size_t i = 0; i < bytes.size(); ++i) {
            auto const all = static_cast<double>(bytes[i]);
            if (!is_full[i] && weights[i] * scale >= all) {
                is_full[i] = true;
                result[i] = all;
                left -= all;
                changed = true;
            } else if (!is_full[i]) {
                result[i] = weights[i] * scale;
            }
        }
    }
    return result;
}

std::vector<std::string> sample_lines(
    std::vector<LanguageInput> const& languages, TokenizerTraining const& training
) {
    std::vector<std::int64_t> bytes;
    for (auto const& language : languages) {
        bytes.push_back(0);
        for_each_line(language, training, [&](std::string_view line, std::uint64_t /*number*/) {
            bytes.back() += static_cast<std::int64_t>(line.size());
        });
        require_data(
            bytes.back() > 0 || is_stopped(training), "{}: its files hold no text", language.tag
        );
    }
    if (is_stopped(training)) {
        return {};
    }
    auto const wanted = budgets(bytes, training);
    std::vector<std::string> lines;
    for (std::size_t i = 0; i < languages.size(); ++i) {
        auto const probability = wanted[i] / static_cast<double>(bytes[i]);
        auto const stream = random_stream("tokenizer/" + languages[i].tag);
        for_each_line(languages[i], training, [&](std::string_view line, std::uint64_t number) {
            if (random_uniform(training.seed, stream, number) < probability) {
                lines.emplace_back(line);
            }
        });
    }
    return lines;
}

// SentencePiece takes its text through this interface of its own.
class Lines final : public sentencepiece::SentenceIterator {
public:
    explicit Lines(std::vector<std::string> const& lines) : lines_(lines) {}
    [[nodiscard]] bool done() const override { return next_ == lines_.size(); }
    void Next() override { ++next_; }
    [[nodiscard]] std::string const& value() const override { return lines_[next_]; }
    [[nodiscard]] sentencepiece::util::Status status() const override { return {}; }

private:
    std::vector<std::string> const& lines_;
    std::size_t next_ = 0;
};

}  // namespace

bool train_tokenizer(
    std::vector<LanguageInput> const& languages,
    TokenizerTraining const& training,
    std::filesystem::path const& out
) {
    auto const lines = sample_lines(languages, training);
    if (is_stopped(training)) {
        return false;
    }
    Lines iterator(lines);
    std::string model;
    auto const status = sentencepiece::SentencePieceTrainer::Train(
        {
            {"model_type", "bpe"},
            {"vocab_size", std::to_string(training.vocab_size)},
            {"character_coverage", "0.9995"},
            {"byte_fallback", "true"},
            {"normalization_rule_name", "identity"},
            {"add_dummy_prefix", "false"},
            {"remove_extra_whitespaces", "false"},
            {"max_sentence_length", "1048576"},
            {"num_threads", "1"},
            {"minloglevel", "2"},
        },
        &iterator, &model
    );
    require_usage(
        status.ok(),
        "a vocabulary of {} from {} lines: SentencePiece says: {}; choose another --vocab-size or "
        "give more text",
        training.vocab_size, lines.size(), status.ToString()
    );
    write_file(out, model);
    return true;
}

}  // namespace isogloss
