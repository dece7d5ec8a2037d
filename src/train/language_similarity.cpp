// train/language_similarity.cpp
#include "train/language_similarity.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <set>

#include "base/math.h"
#include "base/require.h"
#include "comm/collective.h"

namespace isogloss {
namespace {

// Sums of documents as whole multiples of 2^-bits: exact, so in any order.
class ExactSums {
public:
    /// @param most  no sum is larger than this
    ExactSums(std::size_t size, std::int64_t most)
        : bits_(62 - static_cast<int>(std::bit_width(static_cast<std::uint64_t>(most)))),
          sums_(size, 0) {}

    void add(std::span<double const> x) {
        for (std::size_t i = 0; i < x.size(); ++i) {
            sums_[i] += std::llround(std::ldexp(x[i], bits_));
        }
    }
    /// Collective.
    [[nodiscard]] std::vector<double> mean(std::int64_t count, MpiComm const& world) {
        sum_over(std::span(sums_), world);
        std::vector<double> mean;
        for (auto const sum : sums_) {
            mean.push_back(
                std::ldexp(static_cast<double>(sum), -bits_) / static_cast<double>(count)
            );
        }
        return mean;
    }

private:
    int bits_;
    std::vector<std::int64_t> sums_;
};

// A row of its own length, so that the model sees the document and nothing else.
Batch read_document(
    Corpus const& corpus, std::int32_t language, Split split, DocumentRow const& document
) {
    auto batch = make_batch(1, document.length);
    std::vector<std::int32_t> stream(static_cast<std::size_t>(document.length));
    corpus.window(language, split, document.first, stream);
    auto const separator = corpus.manifest().separator;
    stream.push_back(separator);  // a target for the last token, which counts too
    fill_row(batch, 0, stream, separator, language);
    auto const targets = batch.targets.view().span();
    std::fill(targets.begin() + document.counted, targets.end(), kNoTarget);
    batch.counted_targets = document.counted;
    return batch;
}

bool agreed_to_stop(SimilarityRequest const& request, MpiComm const& world) {
    return request.stop && any_of(request.stop(), world);
}

struct SimilarityWork {
    std::string tag;
    std::int32_t language = 0;
    DocumentRows documents;
};

// Every language with its rows, or every fault there is.
std::vector<SimilarityWork> plan_work(
    LanguageModel const& model, Corpus const& corpus, SimilarityRequest const& request
) {
    auto text = request.text;
    text.longest_row = std::min(text.longest_row, model.config().max_positions);
    auto tags = request.new_languages;
    tags.insert(tags.end(), request.old_languages.begin(), request.old_languages.end());
    std::set<std::string> seen;
    std::vector<SimilarityWork> work;
    std::vector<std::string> faults;
    for (auto const& tag : tags) {
        if (!seen.insert(tag).second) {
            faults.push_back(fmt::format("language {}: is named twice", tag));
            continue;
        }
        auto const known = std::ranges::find(corpus.languages(), tag, &LanguageRecord::tag);
        if (known == corpus.languages().end()) {
            faults.push_back(fmt::format(
                "language {}: is not in the corpus {}", tag, corpus.directory().string()
            ));
            continue;
        }
        auto const language = static_cast<std::int32_t>(known - corpus.languages().begin());
        work.push_back({tag, language, first_documents(corpus, language, text)});
        if (work.back().documents.tokens < text.tokens) {
            faults.push_back(fmt::format(
                "language {}: {} tokens found, {} asked for; give at most --tokens {}, or more "
                "text",
                tag, work.back().documents.tokens, text.tokens, work.back().documents.tokens
            ));
        }
    }
    require_usage(
        faults.empty(), "the similarity of languages cannot be measured:\n    {}",
        fmt::join(faults, "\n    ")
    );
    return work;
}

// Nothing when stopped.
std::optional<LanguageDirection> measure(
    LanguageModel& model,
    Corpus const& corpus,
    SimilarityRequest const& request,
    SimilarityWork const& work,
    MpiComm const& world
) {
    auto const& config = model.config();
    auto const size = static_cast<std::size_t>(config.num_layers() * config.width);
    auto const documents = static_cast<std::int64_t>(work.documents.rows.size());
    ExactSums sums(size, work.documents.tokens);
    for (std::int64_t first = 0; first < documents; first += world.size()) {
        if (agreed_to_stop(request, world)) {
            return std::nullopt;
        }
        auto const mine = first + world.rank();
        HiddenSums document;
        auto const batch = mine < documents
                               ? read_document(
                                     corpus, work.language, request.text.split,
                                     work.documents.rows[static_cast<std::size_t>(mine)]
                                 )
                               : make_batch(0, 1);
        model.evaluate(batch, request.routing, &document);
        require(  // the mean divides by what was planned
            document.tokens == batch.counted_targets,
            "the model summed {} tokens of a document and {} count", document.tokens,
            batch.counted_targets
        );
        bool const finite =
            std::ranges::all_of(document.unit_sum, [](double x) { return std::isfinite(x); });
        fail_together(
            Exit::data,
            finite ? "" : "the model's activations are not finite; is it a trained checkpoint?",
            world
        );
        sums.add(document.unit_sum);
    }
    return LanguageDirection{
        work.tag, work.documents.tokens, documents, work.documents.skipped,
        sums.mean(work.documents.tokens, world)};
}

double dot(double const* a, double const* b, std::int64_t size) {
    double sum = 0.0;
    for (std::int64_t i = 0; i < size; ++i) {
        sum += a[i] * b[i];
    }
    return sum;
}

// Mean of pairs [a][b] over a in [0, new) and b in [first(a), last).
template <class First>
double mean_of_pairs(
    std::vector<std::vector<double>> const& pairs,
    std::int64_t num_new,
    First first,
    std::int64_t last
) {
    double sum = 0.0;
    std::int64_t count = 0;
    for (std::int64_t a = 0; a < num_new; ++a) {
        for (auto b = first(a); b < last; ++b) {
            sum += pairs[static_cast<std::size_t>(a)][static_cast<std::size_t>(b)];
            ++count;
        }
    }
    return sum / static_cast<double>(count);
}

}  // namespace

DocumentRows first_documents(
    Corpus const& corpus, std::int32_t language, SimilarityText const& text
) {
    DocumentRows found;
    auto const start = corpus.document_start(language, text.split);
    for (std::size_t d = 0; d + 1 < start.size() && found.tokens < text.tokens; ++d) {
        auto const tokens = start[d + 1] - start[d];
        if (tokens > text.longest_document) {
            ++found.skipped;
            continue;
        }
        auto const length = std::min(tokens, text.longest_row);
        auto const counted = std::min(length, text.tokens - found.tokens);
        found.rows.push_back({start[d], length, counted});
        found.tokens += counted;
    }
    return found;
}

LayerSimilarity compare_languages(
    std::vector<LanguageDirection> languages, std::int64_t num_new, std::int64_t num_layers
) {
    auto const count = static_cast<std::int64_t>(languages.size());
    require(
        1 <= num_new && num_new < count && num_layers >= 1,
        "{} new of {} languages in {} layers; need a new and an old one", num_new, count, num_layers
    );
    LayerSimilarity result;
    result.num_new = num_new;
    auto const width = static_cast<std::int64_t>(languages[0].mean.size()) / num_layers;
    for (std::int64_t layer = 0; layer < num_layers; ++layer) {
        std::vector<std::vector<double>> pairs;
        for (auto const& a : languages) {
            pairs.emplace_back();
            for (auto const& b : languages) {
                pairs.back().push_back(
                    dot(a.mean.data() + layer * width, b.mean.data() + layer * width, width)
                );
            }
        }
        auto const new_old = mean_of_pairs(
            pairs, num_new, [&](std::int64_t) { return num_new; }, count
        );
        result.new_old.push_back(new_old);
        if (num_new > 1) {
            result.new_new.push_back(mean_of_pairs(
                pairs, num_new, [](std::int64_t a) { return a + 1; }, num_new
            ));
        }
        result.similarity.push_back(
            num_new > 1 ? (result.new_new.back() + new_old) / 2.0 : new_old
        );
        result.pairs.push_back(std::move(pairs));
    }
    result.languages = std::move(languages);
    return result;
}

std::optional<LayerSimilarity> measure_similarity(
    LanguageModel& model,
    Corpus const& corpus,
    SimilarityRequest const& request,
    MpiComm const& world
) {
    require_usage(
        !request.new_languages.empty() && !request.old_languages.empty(),
        "{} new and {} old languages: name at least one of each (--new, --old)",
        request.new_languages.size(), request.old_languages.size()
    );
    auto const work = plan_work(model, corpus, request);
    std::vector<LanguageDirection> directions;
    Progress progress(
        progress_style(request.progress, world.rank()), "similarity",
        static_cast<double>(work.size()), "languages"
    );
    for (auto const& language : work) {
        auto direction = measure(model, corpus, request, language, world);
        if (!direction) {
            return std::nullopt;
        }
        directions.push_back(std::move(*direction));
        progress.update(static_cast<double>(directions.size()), language.tag);
    }
    progress.finish();
    return compare_languages(
        std::move(directions), static_cast<std::int64_t>(request.new_languages.size()),
        model.config().num_layers()
    );
}

Json to_json(LayerSimilarity const& similarity) {
    Json languages = Json::object();
    for (std::size_t i = 0; i < similarity.languages.size(); ++i) {
        auto const& language = similarity.languages[i];
        bool const is_new = static_cast<std::int64_t>(i) < similarity.num_new;
        languages[language.language] = {
            {"role", is_new ? "new" : "old"},
            {"tokens", language.tokens},
            {"documents", language.documents},
            {"skipped", language.skipped}};
    }
    return {{"similarity", similarity.similarity}, {"new_new", similarity.new_new},
            {"new_old", similarity.new_old},       {"languages", std::move(languages)},
            {"pairs", similarity.pairs},           {"tokens", similarity.languages.front().tokens}};
}

Table to_table(LayerSimilarity const& similarity) {
    Table table({"layer", "new-new", "new-old", "similarity"});
    for (std::size_t i = 0; i < similarity.similarity.size(); ++i) {
        table.add_row(
            {std::to_string(i),
             similarity.new_new.empty() ? "-" : decimal_text(similarity.new_new[i], 4),
             decimal_text(similarity.new_old[i], 4), decimal_text(similarity.similarity[i], 4)}
        );
    }
    return table;
}

}  // namespace isogloss
