// checkpoint/hugging_face_fields.h - reads fields of a config.json and lists those nobody asked
// for.
#pragma once

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "base/json.h"
#include "checkpoint/fault_list.h"
#include "checkpoint/json_fields.h"

namespace isogloss {

/// Fields of training, of generation and of the library itself: none changes what a model computes.
inline constexpr std::array kWithoutEffect{
    "_name_or_path", "architectures", "attention_dropout", "bos_token_id",
    "chunk_size_feed_forward", "dtype", "embd_pdrop", "eos_token_id", "gradient_checkpointing",
    "hidden_dropout", "initializer_range", "is_decoder", "is_encoder_decoder", "max_window_layers",
    "model_type", "output_attentions", "output_hidden_states", "output_router_logits",
    "pad_token_id", "pretraining_tp", "resid_pdrop", "return_dict", "router_aux_loss_coef",
    "router_jitter_noise", "slow_but_exact", "tokenizer_class", "torch_dtype",
    "transformers_version", "unk_token_id", "use_cache",
    // What Bloom's first files say of its training.
    "attention_softmax_in_fp32", "bias_dropout_fusion", "masked_softmax_fusion", "offset_alibi",
    "skip_bias_add", "skip_bias_add_qkv"};

constexpr std::int64_t kMostExtent = std::int64_t{1} << 24;

/// Reads fields and remembers which it was asked for: the others are not understood.
class ConfigFields {
public:
    ConfigFields(Json const& json, FaultList& faults) : json_(json), faults_(faults) {}

    /// The value of `key`; null where there is none, or it is null.
    Json const* find(std::string const& key) {
        asked_.insert(key);
        auto const found = json_.find(key);
        return found == json_.end() || found->is_null() ? nullptr : &*found;
    }
    /// Also where its value is null.
    [[nodiscard]] bool is_said(std::string const& key) const { return json_.contains(key); }
    [[nodiscard]] bool has(std::string const& key) { return find(key) != nullptr; }

    std::int64_t integer(
        std::string const& key, std::optional<std::int64_t> missing, std::int64_t most = kMostExtent
    ) {
        auto const* value = find(key);
        if (value == nullptr) {
            if (!missing) {
                faults_.add("\"{}\" is missing", key);
            }
            return missing.value_or(1);
        }
        if (!JsonFields::is_integer(*value) || value->get<std::int64_t>() < 1 ||
            value->get<std::int64_t>() > most) {
            faults_.add("\"{}\" = {}: must be a whole number in [1, {}]", key, text(*value), most);
            return 1;
        }
        return value->get<std::int64_t>();
    }
    float real(std::string const& key, float missing) {
        auto const* value = find(key);
        if (value == nullptr) {
            return missing;
        }
        if (!value->is_number()) {
            faults_.add("\"{}\" = {}: must be a number", key, text(*value));
            return missing;
        }
        return value->get<float>();
    }
    bool flag(std::string const& key, bool missing) {
        auto const* value = find(key);
        if (value != nullptr && !value->is_boolean()) {
            faults_.add("\"{}\" = {}: must be true or false", key, text(*value));
            return missing;
        }
        return value == nullptr ? missing : value->get<bool>();
    }
    /// Other values than this one are mathematics that is not built.
    void must_be(std::string const& key, Json const& only, Json const& missing, char const* why) {
        auto const* value = find(key);
        auto const& found = value == nullptr ? missing : *value;
        if (found != only) {
            faults_.add("\"{}\" = {}: {}", key, text(found), why);
        }
    }

    /// Fields that were not asked for: those without effect go to `ignored`, others are faults.
    void account_for_rest(
        std::vector<std::string> const& waved_through, std::vector<std::string>& ignored
    ) {
        for (auto const& [key, value] : json_.items()) {
            if (asked_.contains(key)) {
                continue;
            }
            auto const is_known = std::ranges::find(kWithoutEffect, key) != kWithoutEffect.end();
            if (is_known || value.is_null() || std::ranges::count(waved_through, key) > 0) {
                ignored.push_back(key);
            } else {
                faults_.add(
                    "\"{}\" = {}: is not understood; if it changes nothing, say --ignore {}", key,
                    text(value), key
                );
            }
        }
    }

    void fault(std::string const& sentence) { faults_.add("{}", sentence); }

    static std::string text(Json const& value) {
        auto const all = value.dump(-1, ' ', true, Json::error_handler_t::replace);
        return fmt::format("{:.80}{}", all, all.size() > 80 ? "..." : "");
    }

private:
    Json const& json_;
    FaultList& faults_;
    std::set<std::string> asked_;
};

}  // namespace isogloss
