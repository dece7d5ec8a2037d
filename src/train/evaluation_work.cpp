// train/evaluation_work.cpp
#include "train/evaluation_work.h"

#include <algorithm>
#include <numeric>
#include <utility>

#include "model/language_groups.h"

namespace isogloss {
namespace {

EvaluationWork row_work(
    EvaluationRequest const& request, Corpus const& corpus, std::int32_t language
) {
    ValidationSet const set(corpus, language, request.split, request.row_length);
    auto const& record = corpus.languages()[static_cast<std::size_t>(language)];
    auto const& counts = record.counts(request.split);
    auto const targets = std::max(std::int64_t{0}, counts.tokens - 1);
    EvaluationWork work{
        .language = record.tag,
        .set = set,
        .rows = set.rows(),
        .full_rows = targets / request.row_length,
        .bytes_of_text = static_cast<double>(counts.bytes_of_text),
        .targets = static_cast<double>(targets)};
    if (request.max_tokens > 0) {
        work.rows = std::min(work.rows, ceil_div(request.max_tokens, request.row_length));
    }
    return work;
}

EvaluationWork strided_work(
    EvaluationRequest const& request, Corpus const& corpus, std::int32_t language
) {
    auto text = join_documents(corpus, language, request.split, request.strided);
    auto const targets = static_cast<double>(text.tokens.size()) - 1.0;
    StridedWindows const set(std::move(text.tokens), request.strided, language);
    EvaluationWork work{
        .language = corpus.languages()[static_cast<std::size_t>(language)].tag,
        .set = set,
        .rows = set.rows(),
        .full_rows = set.full_rows(),
        .bytes_of_text = text.bytes_of_text,
        .targets = targets};
    if (request.max_tokens > 0) {
        auto const& strided = request.strided;
        auto const beyond_first =
            std::max(std::int64_t{0}, request.max_tokens - strided.window + 1);
        work.rows = std::min(work.rows, 1 + ceil_div(beyond_first, strided.stride));
    }
    return work;
}

// A batch of one row, cut behind its last target.
Batch without_padding(Batch const& batch) {
    auto const targets = batch.targets.view().span();
    auto cut = make_batch(1, std::ranges::find(targets, kNoTarget) - targets.begin());
    auto const copy = [&](Buffer<std::int32_t> const& from, Buffer<std::int32_t>& to) {
        std::copy_n(from.data(), cut.size(), to.data());
    };
    copy(batch.tokens, cut.tokens);
    copy(batch.targets, cut.targets);
    copy(batch.position, cut.position);
    copy(batch.document_start, cut.document_start);
    cut.language = batch.language;
    cut.counted_targets = batch.counted_targets;
    return cut;
}

}  // namespace

std::vector<std::int32_t> languages_of(EvaluationRequest const& request, Corpus const& corpus) {
    std::vector<std::int32_t> languages;
    for (auto const& tag : request.languages) {
        languages.push_back(corpus.language_index(tag));
    }
    if (languages.empty()) {
        languages.resize(corpus.languages().size());
        std::iota(languages.begin(), languages.end(), 0);
    }
    return languages;
}

std::vector<EvaluationWork> plan_evaluation(
    EvaluationRequest const& request, Corpus const& corpus, ModelConfig const& config
) {
    std::vector<EvaluationWork> list;
    for (auto const language : languages_of(request, corpus)) {
        auto work = request.protocol == Protocol::rows ? row_work(request, corpus, language)
                                                       : strided_work(request, corpus, language);
        work.full_rows = std::min(work.full_rows, work.rows);
        if (request.routing.mode == RoutingMode::hard) {
            work.expert = request.forced_expert ? *request.forced_expert
                                                : hard_expert_of(config, work.language);
        }
        if (work.rows > 0) {
            list.push_back(std::move(work));
        }
    }
    return list;
}

Range pass_rows(EvaluationWork const& work, std::int64_t first, std::int64_t most) {
    return {first, std::min(first + most, first < work.full_rows ? work.full_rows : work.rows)};
}

Batch read_part(EvaluationWork const& work, Range rows, MpiComm const& world) {
    auto const part = even_part(rows.size(), world.size(), world.rank());
    auto const first = rows.begin + part.begin;
    if (auto const* windows = std::get_if<StridedWindows>(&work.set)) {
        return windows->read(first, part.size());
    }
    auto batch = std::get<ValidationSet>(work.set).read(first, part.size());
    return rows.begin >= work.full_rows && batch.rows == 1 ? without_padding(batch)
                                                           : std::move(batch);
}

}  // namespace isogloss
