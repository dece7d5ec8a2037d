// growth/layer_list.cpp
#include "growth/layer_list.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <limits>
#include <numeric>

#include "base/require.h"
#include "base/text.h"

namespace isogloss {
namespace {

constexpr std::int64_t kNoNumber = -1;

std::int64_t number_of(std::string_view text) {
    std::int64_t value = 0;
    auto const [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    bool const is_whole = error == std::errc() && end == text.data() + text.size();
    return is_whole && value >= 0 ? value : kNoNumber;
}

void sort(LayerList& list) {
    std::ranges::sort(list.layers);
}

}  // namespace

LayerList checked_layers(
    std::span<std::int64_t const> layers, std::int32_t num_layers, std::string_view option
) {
    LayerList list;
    for (auto const layer : layers) {
        auto const place = static_cast<std::int32_t>(
            std::clamp<std::int64_t>(layer, -1, std::numeric_limits<std::int32_t>::max())
        );
        if (layer < 0 || layer >= num_layers) {
            list.faults.push_back(fmt::format(
                "{}: there is no layer {}; the model has layers 0 to {}", option, layer,
                num_layers - 1
            ));
        } else if (std::ranges::count(list.layers, place) > 0) {
            list.faults.push_back(fmt::format("{}: layer {} is given twice", option, layer));
        } else {
            list.layers.push_back(place);
        }
    }
    sort(list);
    return list;
}

LayerList parse_layers(std::string_view text, std::int32_t num_layers, std::string_view option) {
    std::vector<std::int64_t> layers;
    std::vector<std::string> faults;
    for (auto const& part : split_at_commas(text)) {
        auto const dash = part.find('-');
        auto const first = number_of(without_blanks(std::string_view(part).substr(0, dash)));
        auto const last = dash == std::string::npos
                              ? first
                              : number_of(without_blanks(std::string_view(part).substr(dash + 1)));
        if (first == kNoNumber || last == kNoNumber || last < first) {
            faults.push_back(fmt::format(
                "{}: \"{}\" is neither a layer (7) nor a run of layers (0-4)", option, part
            ));
            continue;
        }
        // A run far beyond the model is one fault, not a million.
        for (auto layer = first; layer <= std::min<std::int64_t>(last, num_layers); ++layer) {
            layers.push_back(layer);
        }
        if (first > num_layers) {
            layers.push_back(first);
        }
    }
    if (layers.empty() && faults.empty()) {
        faults.push_back(fmt::format("{}: names no layer; write 0-4,20-23", option));
    }
    auto list = checked_layers(layers, num_layers, option);
    list.faults.insert(list.faults.begin(), faults.begin(), faults.end());
    return list;
}

LayerList layers_of_mask(std::uint64_t mask, std::int32_t num_layers, std::string_view option) {
    std::vector<std::int64_t> layers;
    for (std::int64_t bit = 0; bit < std::numeric_limits<std::uint64_t>::digits; ++bit) {
        if (((mask >> static_cast<unsigned>(bit)) & 1U) != 0) {
            layers.push_back(bit);
        }
    }
    auto list = checked_layers(layers, num_layers, option);
    if (mask == 0) {
        list.faults.push_back(fmt::format("{} = 0: names no layer; bit i is layer i", option));
    }
    return list;
}

std::vector<std::int32_t> top_layers(std::span<double const> score, std::int64_t count) {
    auto const layers = static_cast<std::int64_t>(score.size());
    require_usage(
        1 <= count && count <= layers, "top:{}: must lie in [1, {}], the model's layers", count,
        layers
    );
    std::vector<std::int32_t> order(score.size());
    std::iota(order.begin(), order.end(), 0);
    std::ranges::stable_sort(order, [&](std::int32_t a, std::int32_t b) {
        return score[static_cast<std::size_t>(a)] > score[static_cast<std::size_t>(b)];
    });
    order.resize(static_cast<std::size_t>(count));
    std::ranges::sort(order);
    return order;
}

std::string layers_text(std::span<std::int32_t const> layers) {
    std::string text;
    for (std::size_t i = 0; i < layers.size();) {
        auto end = i + 1;
        while (end < layers.size() && layers[end] == layers[end - 1] + 1) {
            ++end;
        }
        text += text.empty() ? "" : ",";
        text += end - i == 1 ? fmt::format("{}", layers[i])
                             : fmt::format("{}-{}", layers[i], layers[end - 1]);
        i = end;
    }
    return text;
}

}  // namespace isogloss
