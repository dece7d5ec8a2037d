// checkpoint/hugging_face_config_test.cpp
#include "checkpoint/hugging_face_config.h"

#include "checkpoint/hugging_face_config_json.h"
#include "model/model_size.h"
#include "support/expect_error.h"

namespace isogloss {
namespace {

using test::expect_error;

Json llama() {
    return {{"model_type", "llama"},    {"vocab_size", 100},
            {"hidden_size", 24},        {"intermediate_size", 36},
            {"num_hidden_layers", 3},   {"num_attention_heads", 4},
            {"num_key_value_heads", 2}, {"max_position_embeddings", 64},
            {"rms_norm_eps", 1e-5},     {"architectures", {"LlamaForCausalLM"}},
            {"torch_dtype", "bfloat16"}};
}

Json of_kind(std::string const& kind, Json const& more = Json::object()) {
    auto json = llama();
    json["model_type"] = kind;
    json.update(more);
    return json;
}

Json moe(std::string const& kind, Json const& more = Json::object()) {
    auto json = of_kind(
        kind, {{"num_experts", 4},
               {"num_experts_per_tok", 2},
               {"moe_intermediate_size", 12},
               {"norm_topk_prob", true}}
    );
    json.update(more);
    return json;
}

ForeignModel parse(Json const& json) {
    return parse_hugging_face_config(json, {}, "config.json");
}

void expect_config_refused(Json const& json, std::string const& part) {
    expect_error(Exit::data, part, [&] { static_cast<void>(parse(json)); });
}

TEST(HuggingFaceConfigTest, LlamaIsRead) {
    auto const model = parse(llama());
    auto const& config = model.config;
    EXPECT_EQ(model.form, ForeignForm::llama);
    EXPECT_EQ(config.vocab_size, 100);
    EXPECT_EQ(config.width, 24);
    EXPECT_EQ(config.num_heads, 4);
    EXPECT_EQ(config.num_kv_heads, 2);
    EXPECT_EQ(config.head_width, 6);
    EXPECT_EQ(config.ffn_hidden, 36);
    EXPECT_EQ(config.max_positions, 64);
    EXPECT_EQ(config.rope_theta, 10000.0F);
    EXPECT_EQ(config.norm_epsilon, 1e-5F);
    EXPECT_FALSE(config.qkv_bias);
    EXPECT_FALSE(config.tied_embeddings);
    EXPECT_EQ(config.experts_per_layer(), (std::vector<std::int32_t>{1, 1, 1}));
    EXPECT_EQ(config.family, Family{});
    EXPECT_EQ(model.ignored, (std::vector<std::string>{"architectures", "torch_dtype"}));
}

// As the configuration classes of transformers 5.23 have them.
TEST(HuggingFaceConfigTest, FieldsThatAreNotThereHaveTheLibrarysValues) {
    Json const experts{{"num_local_experts", 4}, {"num_experts_per_tok", 2}};
    for (auto const* kind : {"llama", "mistral", "qwen2", "qwen3", "gemma", "mixtral"}) {
        auto json = of_kind(kind, std::string(kind) == "mixtral" ? experts : Json::object());
        json.erase("rms_norm_eps");
        auto const config = parse(json).config;
        bool const is_mixtral = std::string(kind) == "mixtral";
        bool const is_gemma = std::string(kind) == "gemma";
        EXPECT_EQ(config.norm_epsilon, is_mixtral ? 1e-5F : 1e-6F) << kind;
        EXPECT_EQ(config.rope_theta, is_mixtral ? 1e6F : 1e4F) << kind;
        EXPECT_EQ(config.tied_embeddings, is_gemma) << kind;
        EXPECT_EQ(config.head_width, is_gemma ? 256 : std::string(kind) == "qwen3" ? 128 : 6);
    }
    auto const bloom = parse({{"model_type", "bloom"},
                              {"vocab_size", 9},
                              {"n_embed", 24},
                              {"n_layer", 2},
                              {"n_head", 6}}
    ).config;
    EXPECT_EQ(bloom.norm_epsilon, 1e-5F);
    EXPECT_EQ(bloom.max_positions, 2048);
    EXPECT_TRUE(bloom.tied_embeddings);
}

TEST(HuggingFaceConfigTest, FamiliesHaveTheirSwitches) {
    EXPECT_TRUE(parse(of_kind("qwen2")).config.qkv_bias);
    EXPECT_EQ(parse(of_kind("mistral")).config.family, Family{});
    EXPECT_TRUE(parse(of_kind("mistral", {{"tie_word_embeddings", true}})).config.tied_embeddings);
    EXPECT_EQ(parse(of_kind("llama", {{"head_dim", 10}})).config.head_width, 10);
    EXPECT_TRUE(parse(of_kind("qwen3")).config.family.qk_norm);
    EXPECT_EQ(parse(of_kind("qwen3")).config.head_width, 128);
    auto const gemma = parse(of_kind("gemma", {{"hidden_act", "gelu"}})).config;
    EXPECT_EQ(gemma.family.norm, NormKind::rms_offset);
    EXPECT_EQ(gemma.family.feed_forward, FeedForwardKind::geglu);
    EXPECT_TRUE(gemma.family.embedding_scale);
    EXPECT_TRUE(gemma.tied_embeddings);
    EXPECT_EQ(gemma.head_width, 256);
}

TEST(HuggingFaceConfigTest, OldAndNewPositionsAreTheSame) {
    Json const scaling{
        {"rope_type", "llama3"},
        {"factor", 8.0},
        {"low_freq_factor", 1.0},
        {"high_freq_factor", 4.0},
        {"original_max_position_embeddings", 32}};
    auto both = scaling;
    both["rope_theta"] = 500000.0;
    auto const old = parse(of_kind("llama", {{"rope_theta", 500000.0}, {"rope_scaling", scaling}}));
    auto const now = parse(of_kind("llama", {{"rope_parameters", both}}));
    EXPECT_EQ(old.config, now.config);
    EXPECT_EQ(now.config.rope_theta, 500000.0F);
    EXPECT_EQ(now.config.rope_scaling.kind, RopeScalingKind::llama3);
    EXPECT_EQ(now.config.rope_scaling.factor, 8.0F);
    EXPECT_EQ(now.config.rope_scaling.original_positions, 32);
    auto const linear =
        parse(of_kind("llama", {{"rope_scaling", {{"type", "linear"}, {"factor", 2.0}}}}));
    EXPECT_EQ(linear.config.rope_scaling.kind, RopeScalingKind::linear);
}

TEST(HuggingFaceConfigTest, ExpertsAreRead) {
    auto const mixtral =
        parse(of_kind("mixtral", {{"num_local_experts", 5}, {"num_experts_per_tok", 2}}));
    EXPECT_EQ(mixtral.config.experts_per_layer(), (std::vector<std::int32_t>{5, 5, 5}));
    EXPECT_EQ(mixtral.config.ffn_hidden, 36);
    auto const qwen = parse(moe("qwen2_moe", {{"qkv_bias", false}}));
    EXPECT_EQ(qwen.config.experts_per_layer(), (std::vector<std::int32_t>{4, 4, 4}));
    EXPECT_EQ(qwen.config.ffn_hidden, 12);
    EXPECT_EQ(qwen.config.top_k, 2);
    EXPECT_EQ(qwen.config.gates, GateScale::renormalised);
    EXPECT_EQ(qwen.config.layers[1].shared_hidden, 5632);  // where the file does not say
    EXPECT_FALSE(qwen.config.qkv_bias);
    auto const some = parse(
        moe("qwen2_moe",
            {{"mlp_only_layers", {0}}, {"decoder_sparse_step", 1}, {"intermediate_size", 12}})
    );
    EXPECT_EQ(some.config.experts_per_layer(), (std::vector<std::int32_t>{1, 4, 4}));
    EXPECT_EQ(some.config.layers[0].shared_hidden, 0);
    EXPECT_EQ(some.config.layers[1].shared_hidden, 5632);
    auto const second =
        parse(moe("qwen2_moe", {{"decoder_sparse_step", 2}, {"intermediate_size", 12}}));
    EXPECT_EQ(second.config.experts_per_layer(), (std::vector<std::int32_t>{1, 4, 1}));
}

TEST(HuggingFaceConfigTest, SharedExpertsAndGatesAsTheyAreAreRead) {
    auto const qwen =
        parse(moe("qwen2_moe", {{"norm_topk_prob", false}, {"shared_expert_intermediate_size", 20}})
        );
    EXPECT_EQ(qwen.config.gates, GateScale::probabilities);
    for (auto const& layer : qwen.config.layers) {
        EXPECT_EQ(layer.shared_hidden, 20);
    }
    auto unsaid = moe("qwen3_moe");
    unsaid.erase("norm_topk_prob");
    EXPECT_EQ(parse(unsaid).config.gates, GateScale::probabilities);
    EXPECT_EQ(parse(unsaid).config.layers[0].shared_hidden, 0);
    EXPECT_EQ(
        parse(of_kind("mixtral", {{"num_local_experts", 5}, {"num_experts_per_tok", 2}})
        ).config.gates,
        GateScale::renormalised
    );
    expect_config_refused(
        moe("qwen2_moe", {{"shared_expert_intermediate_size", 0}}),
        "\"shared_expert_intermediate_size\" = 0"
    );
}

// The config.json of Qwen1.5-MoE-A2.7B, and the count of its parameters.
TEST(HuggingFaceConfigTest, APublishedMixtureIsRead) {
    auto const model = parse(
        {{"architectures", {"Qwen2MoeForCausalLM"}},
         {"attention_dropout", 0.0},
         {"bos_token_id", 151643},
         {"eos_token_id", 151643},
         {"hidden_act", "silu"},
         {"hidden_size", 2048},
         {"initializer_range", 0.02},
         {"intermediate_size", 5632},
         {"max_position_embeddings", 8192},
         {"max_window_layers", 21},
         {"model_type", "qwen2_moe"},
         {"num_attention_heads", 16},
         {"num_hidden_layers", 24},
         {"num_key_value_heads", 16},
         {"rms_norm_eps", 1e-06},
         {"rope_theta", 1000000.0},
         {"sliding_window", 32768},
         {"tie_word_embeddings", false},
         {"torch_dtype", "bfloat16"},
         {"transformers_version", "4.39.0.dev0"},
         {"use_cache", true},
         {"use_sliding_window", false},
         {"vocab_size", 151936},
         {"decoder_sparse_step", 1},
         {"moe_intermediate_size", 1408},
         {"shared_expert_intermediate_size", 5632},
         {"num_experts_per_tok", 4},
         {"num_experts", 60},
         {"norm_topk_prob", false},
         {"output_router_logits", false},
         {"router_aux_loss_coef", 0.001}}
    );
    EXPECT_EQ(parameter_count(model.config), 14315784192);
    EXPECT_TRUE(obstacles(ForeignForm::qwen2_moe, model.config).empty());
}

TEST(HuggingFaceConfigTest, OtherMathematicsIsRefusedByNameAndValue) {
    auto const with = [](Json const& more) { return of_kind("llama", more); };
    expect_config_refused(of_kind("gpt2"), "\"model_type\" = \"gpt2\"");
    expect_config_refused(of_kind("isogloss"), "\"model_type\" = \"isogloss\"");
    expect_config_refused(Json::array(), "\"model_type\" = null");
    expect_config_refused(with({{"attention_bias", true}}), "\"attention_bias\" = true");
    expect_config_refused(with({{"mlp_bias", true}}), "\"mlp_bias\" = true");
    expect_config_refused(with({{"use_mrope", true}}), "\"use_mrope\" = true");
    expect_config_refused(with({{"hidden_act", "relu"}}), "\"hidden_act\" = \"relu\"");
    expect_config_refused(
        with({{"final_logit_softcapping", 30.0}}), "\"final_logit_softcapping\" = 30.0"
    );
    expect_config_refused(
        with({{"quantization_config", {{"bits", 4}}}}), "\"quantization_config\" = {\"bits\":4}"
    );
    expect_config_refused(
        with({{"rope_scaling", {{"rope_type", "yarn"}, {"factor", 4.0}}}}), "rope_type \"yarn\""
    );
    expect_config_refused(
        with({{"rope_scaling", {{"rope_type", "linear"}, {"odd", 4.0}}}}), "\"odd\" = 4.0"
    );
    expect_config_refused(of_kind("mistral", {{"sliding_window", 32}}), "\"sliding_window\" = 32");
    expect_config_refused(
        of_kind("qwen2", {{"use_sliding_window", true}, {"sliding_window", 8}}),
        "\"sliding_window\" = 8"
    );
    expect_config_refused(
        of_kind("qwen2", {{"layer_types", {"full_attention", "sliding_attention"}}}),
        "sliding_attention"
    );
    expect_config_refused(
        moe("qwen2_moe", {{"norm_topk_prob", "no"}}), "\"norm_topk_prob\" = \"no\""
    );
    expect_config_refused(
        moe("qwen2_moe", {{"mlp_only_layers", {0}}}), "\"intermediate_size\" = 36"
    );
    expect_config_refused(moe("qwen2_moe", {{"num_experts", 1}}), "\"num_experts\" = 1");
}

TEST(HuggingFaceConfigTest, WindowsWithoutEffectAreTaken) {
    EXPECT_EQ(parse(of_kind("mistral", {{"sliding_window", 64}})).config.max_positions, 64);
    EXPECT_EQ(parse(of_kind("mistral", {{"sliding_window", nullptr}})).config.max_positions, 64);
    for (auto const* kind : {"qwen2", "qwen3"}) {
        EXPECT_NO_THROW(parse(of_kind(kind, {{"use_sliding_window", false}, {"sliding_window", 8}}))
        );
        EXPECT_NO_THROW(parse(of_kind(
            kind, {{"use_sliding_window", true},
                   {"sliding_window", 64},
                   {"layer_types", {"full_attention", "sliding_attention", "sliding_attention"}}}
        )));
        // Where the file does not say, it is 4096.
        EXPECT_NO_THROW(parse(of_kind(kind, {{"use_sliding_window", true}})));
    }
    EXPECT_NO_THROW(parse(moe("qwen2_moe", {{"use_sliding_window", true}, {"sliding_window", 64}}))
    );
}

TEST(HuggingFaceConfigTest, WindowsWithAnEffectAreRefused) {
    expect_config_refused(of_kind("mistral", {{"sliding_window", 63}}), "\"sliding_window\" = 63");
    expect_config_refused(
        of_kind("mistral", {{"max_position_embeddings", 8192}}), "\"sliding_window\" = 4096"
    );
    for (auto const* kind : {"qwen2", "qwen3"}) {
        expect_config_refused(
            of_kind(kind, {{"use_sliding_window", true}, {"max_position_embeddings", 8192}}),
            "\"sliding_window\" = 4096"
        );
    }
    expect_config_refused(
        moe("qwen2_moe", {{"use_sliding_window", true}, {"sliding_window", 32}}),
        "\"sliding_window\" = 32"
    );
    expect_config_refused(
        of_kind("mistral", {{"sliding_window", "all"}}), "\"sliding_window\" = \"all\""
    );
    expect_config_refused(
        of_kind(
            "qwen2", {{"use_sliding_window", true},
                      {"sliding_window", 64},
                      {"layer_types", {"full_attention", "chunked_attention"}}}
        ),
        "chunked_attention"
    );
}

TEST(HuggingFaceConfigTest, NumbersThatCannotBeAreRefusedTogether) {
    auto json = llama();
    json["vocab_size"] = -3;
    json["hidden_size"] = "wide";
    json["num_attention_heads"] = 1e300;
    json.erase("intermediate_size");
    try {
        static_cast<void>(parse(json));
        ADD_FAILURE() << "nothing was thrown";
    } catch (Error const& error) {
        std::string const text = error.what();
        for (auto const* key :
             {"vocab_size", "hidden_size", "num_attention_heads",
              "\"intermediate_size\" is missing"}) {
            EXPECT_NE(text.find(key), std::string::npos) << text;
        }
    }
    // A list of experts as long as this would fill the memory.
    expect_config_refused(
        moe("qwen2_moe", {{"num_experts", 60000}, {"num_hidden_layers", 16000}}), "num_experts"
    );
}

TEST(HuggingFaceConfigTest, UnknownFieldsCanBeWavedThrough) {
    auto const json = of_kind("llama", {{"maker", "me"}, {"nothing", nullptr}});
    expect_config_refused(json, "--ignore maker");
    auto const model = parse_hugging_face_config(json, {"maker"}, "config.json");
    EXPECT_EQ(
        model.ignored,
        (std::vector<std::string>{"architectures", "torch_dtype", "maker", "nothing"})
    );
}

TEST(HuggingFaceConfigTest, WhatIsWrittenIsRead) {
    for (auto json :
         {llama(), of_kind("qwen2", {{"tie_word_embeddings", true}}),
          of_kind("mixtral", {{"num_local_experts", 3}, {"num_experts_per_tok", 1}}),
          moe("qwen2_moe", {{"mlp_only_layers", {1}}, {"intermediate_size", 12}}),
          of_kind(
              "llama", {{"rope_scaling", {{"rope_type", "linear"}, {"factor", 1.7}}},
                        {"rope_theta", 123456.7},
                        {"rms_norm_eps", 1e-6}}
          ),
          of_kind("qwen3", {{"head_dim", 8}}), of_kind("gemma", {{"head_dim", 8}}),
          moe("qwen3_moe"), moe("qwen3_moe", {{"norm_topk_prob", false}}),
          moe("qwen2_moe", {{"norm_topk_prob", false}, {"shared_expert_intermediate_size", 9}}),
          Json{
              {"model_type", "bloom"},
              {"vocab_size", 9},
              {"hidden_size", 12},
              {"n_layer", 2},
              {"n_head", 3},
              {"seq_length", 77}}}) {
        auto const model = parse(json);
        auto const again = parse(hugging_face_config(model.form, model.config));
        EXPECT_EQ(again.config, model.config) << json;
        EXPECT_EQ(fitting_form(model.config), model.form);
    }
}

}  // namespace
}  // namespace isogloss
