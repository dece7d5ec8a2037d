#!/usr/bin/env python3
"""Small random models of transformers, and what they compute: the golden files beside this script.

    tests/golden/hf/make.py [FAMILY...]    # needs torch, transformers 5 and safetensors

FAMILY/ is a model as transformers saves it; FAMILY/expected.safetensors has

    tokens          [B, T + 1]  rows of several documents; inputs are the first T, targets the last T
    document_start  [B, T]      index in the row where the token's document begins
    logits          [B, T, V]   each document by itself: positions from 0, no other document seen
    gradient.NAME   of the mean loss over all B T targets
    losses          [21]        before each of 20 steps of AdamW, and after the last
"""

import copy
import pathlib
import shutil
import sys
import tempfile

import torch
import torch.nn.functional as F
import transformers as hf
from safetensors.torch import load_file, save_file

HERE = pathlib.Path(__file__).parent
DOCUMENTS = [[12], [7, 5], [5, 4, 3]]  # lengths, row by row
STEPS = 20
ADAMW = {"lr": 3e-3, "betas": (0.9, 0.95), "eps": 1e-8}
DECAY = 0.1  # of matrices
MARGIN = 1e-3  # of the last chosen expert's logit before the next, so that rounding chooses alike

COMMON = {
    "vocab_size": 48, "hidden_size": 16, "intermediate_size": 20, "num_hidden_layers": 2,
    "num_attention_heads": 4, "num_key_value_heads": 2, "max_position_embeddings": 64,
}
EXPERTS = {"num_experts": 4, "num_experts_per_tok": 2, "moe_intermediate_size": 12,
           "norm_topk_prob": True}


def configs():
    yield "llama", hf.LlamaConfig(**COMMON)
    llama3 = {"rope_type": "llama3", "rope_theta": 500000.0, "factor": 8.0, "low_freq_factor": 1.0,
              "high_freq_factor": 4.0, "original_max_position_embeddings": 32}
    yield "llama3", hf.LlamaConfig(**COMMON, rope_parameters=llama3)
    linear = {"rope_type": "linear", "rope_theta": 10000.0, "factor": 2.0}
    yield "linear", hf.LlamaConfig(**COMMON, rope_parameters=linear)
    yield "mistral", hf.MistralConfig(**COMMON, head_dim=8, sliding_window=None)
    yield "qwen2", hf.Qwen2Config(**COMMON, tie_word_embeddings=True)
    yield "qwen3", hf.Qwen3Config(**COMMON, head_dim=8, tie_word_embeddings=True)
    # Without padding: its row of the embedding would have no gradient, and here it is a token.
    yield "gemma", hf.GemmaConfig(
        **{**COMMON, "num_key_value_heads": 1}, head_dim=8, pad_token_id=None)
    # Six heads: slopes of a number that is no power of two.
    yield "bloom", hf.BloomConfig(vocab_size=48, hidden_size=24, n_layer=2, n_head=6)
    yield "mixtral", hf.MixtralConfig(**COMMON, num_local_experts=4, num_experts_per_tok=2)
    yield "qwen2_moe", hf.Qwen2MoeConfig(
        **COMMON, **EXPERTS, shared_expert_intermediate_size=1)
    # A dense layer between two with shared experts; gates do not add up to 1.
    yield "qwen2_moe_shared", hf.Qwen2MoeConfig(
        **{**COMMON, "num_hidden_layers": 3, "intermediate_size": 12},
        **{**EXPERTS, "norm_topk_prob": False}, shared_expert_intermediate_size=10,
        mlp_only_layers=[1])
    yield "qwen3_moe", hf.Qwen3MoeConfig(
        **{**COMMON, "intermediate_size": 12}, **EXPERTS, head_dim=8, mlp_only_layers=[0])


def is_nothing(name, config):
    """Of a shared expert of one unit, whose output is zero here: this program reads it as none."""
    return "shared_expert" in name and config.shared_expert_intermediate_size == 1


def model_of(config, seed):
    """Weights large enough that every part of a block matters."""
    torch.manual_seed(seed)
    model = hf.AutoModelForCausalLM.from_config(config, attn_implementation="eager")
    with torch.no_grad():
        for name, weight in model.named_parameters():
            if "shared_expert." in name and is_nothing(name, config):
                weight.zero_()
            elif "norm" in name or "ln_f" in name:
                is_gain = name.endswith("weight") and config.model_type != "gemma"
                weight.normal_(1.0 if is_gain else 0.0, 0.2)
            elif weight.dim() == 1:
                weight.normal_(0.0, 0.2)
            else:
                weight.normal_(0.0, 1.0 if "gate.weight" in name else 0.25)
    return model


def batch(vocabulary):
    generator = torch.Generator().manual_seed(7)
    length = sum(DOCUMENTS[0])
    tokens = torch.randint(1, vocabulary, (len(DOCUMENTS), length + 1), generator=generator)
    starts = torch.zeros(len(DOCUMENTS), length, dtype=torch.int32)
    for row, lengths in enumerate(DOCUMENTS):
        place = 0
        for its in lengths:
            tokens[row, place] = 0
            starts[row, place:place + its] = place
            place += its
    return tokens, starts


def logits_of(model, tokens):
    rows = []
    for row, lengths in enumerate(DOCUMENTS):
        documents = tokens[row, :-1].split(lengths)
        rows.append(torch.cat([model(d[None], use_cache=False).logits[0] for d in documents]))
    return torch.stack(rows)


def loss_of(model, tokens):
    return F.cross_entropy(logits_of(model, tokens).flatten(0, 1), tokens[:, 1:].flatten())


def as_saved(model):
    """Tensors by the names that files have."""
    with tempfile.TemporaryDirectory() as folder:
        model.save_pretrained(folder)
        return load_file(f"{folder}/model.safetensors")


def gradients(model):
    other = copy.deepcopy(model)
    with torch.no_grad():
        for mine, its in zip(model.parameters(), other.parameters()):
            its.copy_(mine.grad if mine.grad is not None else torch.zeros_like(mine))
    return {f"gradient.{name}": tensor for name, tensor in as_saved(other).items()}


def watch_margins(model):
    """The smallest margin of any router's choice so far, as a list of one."""
    smallest = [float("inf")]

    def look(module, inputs, _):
        x = inputs[0].reshape(-1, inputs[0].shape[-1])
        best = F.linear(x.float(), module.weight.float()).topk(3).values
        smallest[0] = min(smallest[0], (best[:, 1] - best[:, 2]).min().item())

    for name, module in model.named_modules():
        if name.endswith((".mlp.gate", ".block_sparse_moe.gate")) and module.weight.shape[0] > 2:
            module.register_forward_hook(look)
    return smallest


def train(model, tokens):
    """Weights of shared experts that are none stay so."""
    trained = [(n, p) for n, p in model.named_parameters() if not is_nothing(n, model.config)]
    matrices = [p for _, p in trained if p.dim() > 1]
    vectors = [p for _, p in trained if p.dim() == 1]
    optimizer = torch.optim.AdamW(
        [{"params": matrices, "weight_decay": DECAY}, {"params": vectors, "weight_decay": 0.0}],
        **ADAMW)
    losses = []
    for _ in range(STEPS):
        optimizer.zero_grad()
        loss = loss_of(model, tokens)
        loss.backward()
        losses.append(loss.item())
        optimizer.step()
    losses.append(loss_of(model, tokens).item())
    return torch.tensor(losses)


def expected(config, seed):
    model = model_of(config, seed)
    tokens, starts = batch(config.vocab_size)
    result = {"tokens": tokens.to(torch.int32), "document_start": starts,
              "logits": logits_of(model, tokens).detach()}
    loss_of(model, tokens).backward()
    result |= {n: t for n, t in gradients(model).items() if not is_nothing(n, config)}
    trained = copy.deepcopy(model)
    smallest = watch_margins(trained)
    result["losses"] = train(trained, tokens)
    return model, result, smallest[0]


def write(name, config):
    for seed in range(1000):
        model, result, margin = expected(config, seed)
        if margin > MARGIN:
            break
    folder = HERE / name
    shutil.rmtree(folder, ignore_errors=True)
    model.save_pretrained(folder)
    (folder / "generation_config.json").unlink(missing_ok=True)
    save_file({n: t.contiguous() for n, t in result.items()}, folder / "expected.safetensors")
    print(f"{name}: seed {seed}, margin {margin:.2g}, losses {result['losses'][0]:.4f} to "
          f"{result['losses'][-1]:.4f}")


if __name__ == "__main__":
    torch.set_num_threads(1)
    hf.logging.set_verbosity_error()
    for name, config in configs():
        if name in sys.argv[1:] or len(sys.argv) == 1:
            write(name, config)
