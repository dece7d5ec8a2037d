// train/strided_text.cpp
#include "train/strided_text.h"

#include <algorithm>
#include <numeric>
#include <string_view>

#include "base/math.h"
#include "base/random.h"
#include "base/require.h"
#include "corpus/tokenizer.h"

namespace isogloss {
namespace {

constexpr std::string_view kBlankLine = "\n\n";

std::vector<std::int32_t> document_tokens(
    Corpus const& corpus, std::int32_t language, Split split, std::int64_t document
) {
    auto const starts = corpus.document_start(language, split);
    auto const at = static_cast<std::size_t>(document);
    std::vector<std::int32_t> tokens(static_cast<std::size_t>(starts[at + 1] - starts[at]));
    corpus.window(language, split, starts[at], tokens);
    return tokens;
}

}  // namespace

std::vector<std::int64_t> random_documents(
    std::int64_t documents, std::int64_t wanted, std::uint64_t seed
) {
    auto const stream = random_stream("strided evaluation");
    std::vector<std::pair<std::uint64_t, std::int64_t>> order;
    for (std::int64_t i = 0; i < documents; ++i) {
        order.emplace_back(random_bits(seed, stream, static_cast<std::uint64_t>(i)), i);
    }
    auto const kept = static_cast<std::ptrdiff_t>(std::min(wanted, documents));
    std::partial_sort(order.begin(), order.begin() + kept, order.end());
    std::vector<std::int64_t> chosen;
    std::transform(
        order.begin(), order.begin() + kept, std::back_inserter(chosen),
        [](auto const& entry) { return entry.second; }
    );
    return chosen;
}

JoinedText join_documents(
    Corpus const& corpus, std::int32_t language, Split split, StridedConfig const& config
) {
    auto const tokenizer = Tokenizer::open(corpus.tokenizer_name(), corpus.manifest().separator);
    auto const available =
        static_cast<std::int64_t>(corpus.document_start(language, split).size()) - 1;
    bool const has_blank_lines = config.joint == Joint::blank_line;
    auto const joint = has_blank_lines ? tokenizer.encode(kBlankLine) : std::vector<std::int32_t>();
    JoinedText joined;
    for (auto const document : random_documents(available, config.documents, config.seed)) {
        auto const tokens = document_tokens(corpus, language, split, document);
        joined.bytes_of_text += static_cast<double>(tokenizer.decode(tokens).size());
        if (has_blank_lines && joined.documents > 0) {
            joined.tokens.insert(joined.tokens.end(), joint.begin(), joint.end());
            joined.bytes_of_text += static_cast<double>(kBlankLine.size());
        }
        auto const first = tokens.begin() + (has_blank_lines && !tokens.empty() ? 1 : 0);
        joined.tokens.insert(joined.tokens.end(), first, tokens.end());
        ++joined.documents;
    }
    return joined;
}

StridedWindows::StridedWindows(
    std::vector<std::int32_t> tokens, StridedConfig const& config, std::int32_t language
)
    : tokens_(std::move(tokens)),
      window_(config.window),
      stride_(config.stride),
      language_(language) {
    require(1 <= stride_ && stride_ < window_, "windows of {} tokens, {} apart", window_, stride_);
    auto const size = static_cast<std::int64_t>(tokens_.size());
    if (size >= 2) {
        rows_ = 1 + ceil_div(std::max(std::int64_t{0}, size - window_), stride_);
    }
}

std::int64_t StridedWindows::end_of(std::int64_t row) const {
    return std::min(begin_of(row) + window_, static_cast<std::int64_t>(tokens_.size()));
}

std::int64_t StridedWindows::full_rows() const {
    bool const is_last_cut = rows_ > 0 && end_of(rows_ - 1) - begin_of(rows_ - 1) < window_;
    return rows_ - (is_last_cut ? 1 : 0);
}

Batch StridedWindows::read(std::int64_t first, std::int64_t count) const {
    auto const end = std::min(first + count, rows_);
    first = std::min(first, end);
    auto const length = first < end ? end_of(first) - begin_of(first) : window_;
    auto batch = make_batch(end - first, length - 1);
    std::int64_t n = 0;
    for (auto row = first; row < end; ++row) {
        require(
            end_of(row) - begin_of(row) == length, "windows {} to {} differ in length", first, end
        );
        auto const scored_from = row > 0 ? end_of(row - 1) : 1;
        for (auto at = begin_of(row); at + 1 < end_of(row); ++at, ++n) {
            bool const counts = at + 1 >= scored_from;
            batch.tokens.data()[n] = tokens_[static_cast<std::size_t>(at)];
            batch.targets.data()[n] =
                counts ? tokens_[static_cast<std::size_t>(at + 1)] : kNoTarget;
            batch.position.data()[n] = static_cast<std::int32_t>(at - begin_of(row));
            batch.document_start.data()[n] = 0;
            batch.counted_targets += counts ? 1 : 0;
        }
        batch.language[static_cast<std::size_t>(row - first)] = language_;
    }
    return batch;
}

}  // namespace isogloss
