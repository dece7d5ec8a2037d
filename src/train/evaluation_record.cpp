// train/evaluation_record.cpp
#include "train/evaluation_record.h"

#include "base/require.h"

namespace isogloss {
namespace {

LanguageScore score_of(std::string const& language, Json const& value, std::string const& where) {
    auto const tokens = json_get<std::int64_t>(value, "tokens", where);
    require_data(tokens >= 0, "{}: {} has {} tokens", where, language, tokens);
    return {
        .language = language,
        .loss_sum =
            tokens > 0 ? json_get<double>(value, "loss", where) * static_cast<double>(tokens) : 0.0,
        .targets = tokens,
        .bytes_of_text = json_get<double>(value, "bytes", where)};
}

}  // namespace

Json protocol_json(EvaluationRequest const& request) {
    Json json{
        {"name", request.protocol == Protocol::rows ? "rows" : "strided"},
        {"split", name_of(request.split)},
        {"max_tokens", request.max_tokens}};
    if (request.protocol == Protocol::rows) {
        json["row_length"] = request.row_length;
        return json;
    }
    auto const& strided = request.strided;
    json["documents"] = strided.documents;
    json["seed"] = strided.seed;
    json["window"] = strided.window;
    json["stride"] = strided.stride;
    json["joint"] = strided.joint == Joint::separator ? "separator" : "blank-line";
    json["weighting"] = strided.weighting == WindowWeighting::exact ? "exact" : "released";
    return json;
}

Json routing_json(EvaluationRequest const& request) {
    auto const& routing = request.routing;
    return {
        {"mode", routing.mode == RoutingMode::hard ? "hard" : "soft"},
        {"classifiers", routing.classify},
        {"class_one_experts", routing.class_one == ClassOneExperts::all ? "all" : "old"}};
}

Json to_json(EvaluationRecord const& record) {
    Json json{
        {"checkpoint", record.checkpoint},
        {"protocol", record.protocol},
        {"routing", record.routing},
        {"languages", to_json(record.scores)}};
    if (record.shares) {
        json["shares"] = to_json(*record.shares);
    }
    return json;
}

EvaluationRecord read_evaluation(std::filesystem::path const& path) {
    auto const json = read_json(path);
    auto const where = path.string();
    EvaluationRecord record;
    record.checkpoint = json_get<std::string>(json, "checkpoint", where);
    record.protocol = json_get<Json>(json, "protocol", where);
    record.routing = json_get<Json>(json, "routing", where);
    auto const languages = json_get<Json>(json, "languages", where);
    for (auto const& [language, score] : languages.items()) {
        record.scores.push_back(score_of(language, score, where));
    }
    if (json.contains("shares")) {
        record.shares = routing_shares(json["shares"], where);
    }
    return record;
}

}  // namespace isogloss
