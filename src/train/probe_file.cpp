// train/probe_file.cpp
#include "train/probe_file.h"

#include <fmt/format.h>

#include <set>

#include "storage/hdf5_file.h"

namespace isogloss {

std::filesystem::path probe_file(std::filesystem::path const& folder, std::string const& tag) {
    return folder / (tag + ".h5");
}

std::optional<ProbeRecord> read_probe(std::filesystem::path const& path) {
    std::error_code error;
    if (!std::filesystem::exists(path, error)) {
        return std::nullopt;
    }
    Hdf5File const file(path);
    auto const where = path.string();
    auto const text = file.text_attribute("/", "probe");
    auto const json = Json::parse(text, nullptr, false);
    require_data(!json.is_discarded(), "{}: its attribute \"probe\" is no JSON", where);
    ProbeRecord record;
    record.fingerprint = json_get<Json>(json, "fingerprint", where);
    record.norms.ffn = json_get<std::vector<double>>(json, "delta_norm_ffn", where);
    record.norms.attention = json_get<std::vector<double>>(json, "delta_norm_att", where);
    auto const loss = json_get<std::vector<double>>(json, "loss", where);
    require_data(
        loss.size() == 2 && record.norms.ffn.size() == record.norms.attention.size(),
        "{}: {} losses, {} and {} layers: not written by a probe", where, loss.size(),
        record.norms.ffn.size(), record.norms.attention.size()
    );
    record.first_loss = loss[0];
    record.last_loss = loss[1];
    auto const info = file.info(kDeviationDataset);
    require_data(
        info.type == StoredType::f32 && info.shape.size() == 1,
        "{}: \"{}\" is no list of f32: not written by a probe", where, kDeviationDataset
    );
    record.size = info.size();
    return record;
}

std::string difference(Json const& was, Json const& is) {
    std::set<std::string> keys;
    for (auto const* side : {&was, &is}) {
        for (auto const& entry : side->items()) {
            keys.insert(entry.key());
        }
    }
    std::string text;
    for (auto const& key : keys) {
        auto const before = was.contains(key) ? was[key] : Json();
        auto const now = is.contains(key) ? is[key] : Json();
        if (before != now) {
            text += fmt::format(
                "{}{} was {}, is {}", text.empty() ? "" : "; ", key, before.dump(), now.dump()
            );
        }
    }
    return text;
}

Json deviation_json(
    std::vector<std::string> const& languages, std::vector<ProbeRecord> const& records
) {
    require(
        languages.size() == records.size(), "{} languages, {} records", languages.size(),
        records.size()
    );
    Json json = Json::object();
    for (std::size_t i = 0; i < languages.size(); ++i) {
        json[languages[i]] = {
            {"delta_norm_ffn", records[i].norms.ffn},
            {"delta_norm_att", records[i].norms.attention}};
    }
    return json;
}

}  // namespace isogloss
