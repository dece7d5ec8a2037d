// fuzz/hugging_face_config_fuzz.cpp - config.json of a model of transformers.
#include "checkpoint/hugging_face_config.h"
#include "fuzz/fuzz_target.h"
#include "fuzz/scratch.h"

namespace isogloss::fuzz {
namespace {

// Every field that decides about a mixture of experts with windows and scaled positions.
constexpr char const* kRouted = R"({"model_type":"qwen2_moe","vocab_size":48,"hidden_size":16,
"num_hidden_layers":4,"num_attention_heads":4,"num_key_value_heads":2,"head_dim":8,
"intermediate_size":12,"moe_intermediate_size":12,"num_experts":4,"num_experts_per_tok":2,
"decoder_sparse_step":2,"mlp_only_layers":[3],"norm_topk_prob":true,"qkv_bias":false,
"shared_expert_intermediate_size":1,"hidden_act":"silu","max_position_embeddings":64,
"rms_norm_eps":1e-06,"rope_theta":10000.0,"tie_word_embeddings":false,"use_sliding_window":true,
"sliding_window":64,"layer_types":["full_attention"],"attention_bias":false,"torch_dtype":"float32",
"rope_scaling":{"rope_type":"llama3","factor":8.0,"low_freq_factor":1.0,"high_freq_factor":4.0,
"original_max_position_embeddings":32}})";

constexpr char const* kMixtral = R"({"model_type":"mixtral","vocab_size":48,"hidden_size":16,
"num_hidden_layers":2,"num_attention_heads":4,"num_key_value_heads":2,"head_dim":null,
"intermediate_size":20,"num_local_experts":4,"num_experts_per_tok":2,"sliding_window":null,
"max_position_embeddings":64,"rope_parameters":{"rope_theta":1e6,"rope_type":"linear","factor":2}})";

constexpr char const* kGemma = R"({"model_type":"gemma","vocab_size":48,"hidden_size":16,
"num_hidden_layers":2,"num_attention_heads":4,"num_key_value_heads":1,"head_dim":8,
"intermediate_size":20,"hidden_act":"gelu","hidden_activation":"gelu_pytorch_tanh",
"max_position_embeddings":64,"use_bidirectional_attention":null})";

constexpr char const* kBloom = R"({"model_type":"bloom","vocab_size":48,"hidden_size":24,"n_head":6,
"n_layer":2,"layer_norm_epsilon":1e-05,"apply_residual_connection_post_layernorm":false,
"seq_length":2048,"n_inner":null})";

}  // namespace

void read_hostile(std::string_view bytes) {
    static Scratch const scratch;
    auto const model =
        parse_hugging_face_config(read_json(scratch.write("config.json", bytes)), {}, "config");
    expect(problems(model.config).empty(), "what is read is a model");
    expect(model.config.num_layers() <= (1 << 14), "layers have a limit");
    std::int64_t experts = 0;
    for (auto const& layer : model.config.layers) {
        experts += layer.num_experts();
    }
    expect(experts <= (1 << 20), "experts have a limit");
}

std::vector<std::string> seeds() {
    return {kRouted, kMixtral, kGemma, kBloom};
}

}  // namespace isogloss::fuzz
