// corpus/faults.cpp
#include "corpus/faults.h"

#include <numeric>

namespace isogloss {
namespace {

constexpr std::array<char const*, kFaults> kFaultNames{"broken_utf8", "wrong_json", "missing_field",
                                                       "empty",       "too_long",   "cut_short"};

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
        require_data(faults.counts[i] >= 0, "{}: {} is negative", where, kFaultNames[i]);
    }
    faults.places = json_get<std::vector<std::string>>(value, "places", where);
    return faults;
}

}  // namespace isogloss
