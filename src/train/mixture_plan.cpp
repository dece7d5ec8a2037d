// train/mixture_plan.cpp
#include "train/mixture_plan.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/math.h"
#include "base/table.h"
#include "corpus/windows.h"
#include "train/data_order.h"

namespace isogloss {

std::vector<PlannedLanguage> plan_mixture(
    RunConfig const& run, Corpus const& corpus, RowOrder const& order
) {
    auto const languages = languages_of(run.data, corpus);
    auto const all_rows = run.train.steps * run.train.rows;
    auto const rows = order.planned_rows(all_rows);
    auto listed = languages.all();
    std::ranges::sort(listed);
    std::vector<PlannedLanguage> plan;
    for (auto const language : listed) {
        Windows const windows{order.tokens()[index(language)], order.row_length()};
        PlannedLanguage planned;
        planned.tag = corpus.languages()[index(language)].tag;
        planned.replayed = std::ranges::count(languages.replayed, language) > 0;
        planned.text_tokens = windows.tokens;
        planned.rows = rows[index(language)];
        planned.share = planned.rows / static_cast<double>(all_rows);
        planned.tokens = planned.rows * static_cast<double>(windows.targets());
        planned.epochs = planned.rows / windows.rows_an_epoch();
        plan.push_back(planned);
    }
    return plan;
}

std::string mixture_rule(DataConfig const& data) {
    if (data.order == OrderRule::group_chunks) {
        return fmt::format("group chunks, bytes^{} within", data.alpha.value_or(kGroupAlpha));
    }
    if (!data.weights.empty()) {
        return "given weights";
    }
    if (data.unimax) {
        return fmt::format("UniMax, at most {} epochs", *data.unimax);
    }
    return data.alpha ? fmt::format("bytes^{}", *data.alpha)
                      : fmt::format("tokens^(1/{})", data.temperature);
}

std::string mixture_summary(std::vector<PlannedLanguage> const& plan) {
    auto const [least, most] = std::ranges::minmax(plan, {}, &PlannedLanguage::share);
    auto const often = std::ranges::max(plan, {}, &PlannedLanguage::epochs);
    return fmt::format(
        "{} language{}: {} % of the rows ({}) to {} % ({}); at most {} epochs ({})", plan.size(),
        plan.size() == 1 ? "" : "s", decimal_text(100.0 * least.share, 2), least.tag,
        decimal_text(100.0 * most.share, 2), most.tag, decimal_text(often.epochs, 2), often.tag
    );
}

std::vector<PlannedLanguage> often_read(std::vector<PlannedLanguage> const& plan) {
    std::vector<PlannedLanguage> often;
    std::ranges::copy_if(plan, std::back_inserter(often), [](PlannedLanguage const& language) {
        return language.epochs > kUsualEpochs;
    });
    std::ranges::stable_sort(often, std::greater(), &PlannedLanguage::epochs);
    return often;
}

}  // namespace isogloss
