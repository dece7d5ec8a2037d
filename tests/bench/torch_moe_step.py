#!/usr/bin/env python3
"""The PyTorch peer of the GPU trainer: training steps of Hugging Face transformers' Mixtral on one device.

The figure `isogloss bench step --device cuda` is compared with on the same machine: forward, backward, gradient
clipping at norm 1 and AdamW of a mixture of experts (random weights, random tokens, one document a row, cross entropy
and the balance loss), as one gets it from transformers with its fast options: experts as grouped products
(`grouped_mm`), fused attention (sdpa), fused AdamW.

    python3 torch_moe_step.py --compile                     # and without: compare with the faster
    python3 torch_moe_step.py --compile --freeze-backbone

Weights, gradients and AdamW's moments are all of --dtype: there is no fp32 master copy, so this form moves the fewest
bytes. Every step takes the same tokens. Attention is plainly causal and gets no mask: the mask transformers makes
under torch.compile (with torch before 2.14) keeps sdpa from the flash kernel. Times are wall time between
synchronisations of the device, after --warmup steps; the first step compiles. --dtype f32 is for tests: with --compile
its experts are no grouped products.

Needs transformers 5 (tried: 5.17, 5.23) and torch 2.10 or newer. Does not need a network or any file.
"""
import argparse
import json
import statistics
import sys
import time

import torch

try:
    import transformers
    from transformers import AttentionInterface, MixtralConfig, MixtralForCausalLM
    from transformers.integrations.moe import ALL_EXPERTS_FUNCTIONS
    from transformers.integrations.sdpa_attention import sdpa_attention_forward
except ImportError as error:
    while error.__cause__:  # transformers hides the import that failed
        error = error.__cause__
    sys.exit(f"torch_moe_step.py: needs transformers 5 with an experts interface: {error}")

EXPERTS = "grouped_mm"
BALANCE = 0.01  # weight of the balance loss
CLIP = 1.0  # gradient norm


def arguments():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for name, value, text in (
            ("width", 2048, "model width"), ("layers", 24, "blocks"),
            ("heads", 16, "attention heads, as many for keys and values"),
            ("ffn", 5504, "SwiGLU hidden width of one expert"), ("vocab", 151936, "vocabulary, tokens"),
            ("experts", 4, "experts a layer"), ("top-k", 2, "experts a token"), ("rows", 4, "rows a step"),
            ("row-length", 2048, "tokens a row"), ("steps", 10, "timed steps"),
            ("warmup", 3, "steps before the timed ones")):
        p.add_argument("--" + name, type=int, default=value, metavar="N", help=text + " (%(default)s)")
    p.add_argument("--device", choices=("cuda", "cpu"), default="cuda", help="(%(default)s)")
    p.add_argument("--dtype", choices=("bf16", "f32"), default="bf16",
                   help="of weights, gradients and AdamW's moments (%(default)s)")
    p.add_argument("--compile", action="store_true", help="torch.compile the model, loss included")
    p.add_argument("--freeze-backbone", action="store_true",
                   help="train only the routers and the experts, all of them; embedding, attention, norms and head "
                        "stay fixed. transformers holds a layer's experts in one tensor: none can be frozen alone")
    p.add_argument("--json", action="store_true", help="print one JSON object (times in seconds, memory in bytes)")
    a = p.parse_args()
    for name in ("width", "layers", "heads", "ffn", "vocab", "experts", "top_k", "rows", "steps"):
        if getattr(a, name) < 1:
            p.error(f"--{name.replace('_', '-')} must be at least 1")
    if a.warmup < 0 or a.row_length < 2:
        p.error("--warmup must be at least 0, --row-length at least 2")
    if a.width % (2 * a.heads):
        p.error("--width must be a multiple of twice --heads")
    if a.top_k > a.experts:
        p.error("--top-k must be at most --experts")
    if a.device == "cuda" and not torch.cuda.is_available():
        p.error("no CUDA device")
    return a


def make_model(a):
    # A name of its own: transformers then leaves the mask to the kernel.
    AttentionInterface.register("causal_sdpa", sdpa_attention_forward)
    if EXPERTS not in ALL_EXPERTS_FUNCTIONS:
        sys.exit(f"torch_moe_step.py: transformers {transformers.__version__} has no '{EXPERTS}' experts")
    if not hasattr(torch.nn.functional, "grouped_mm"):
        sys.exit(f"torch_moe_step.py: torch {torch.__version__} has no grouped_mm")
    config = MixtralConfig(
        vocab_size=a.vocab, hidden_size=a.width, intermediate_size=a.ffn, num_hidden_layers=a.layers,
        num_attention_heads=a.heads, num_key_value_heads=a.heads, num_local_experts=a.experts,
        num_experts_per_tok=a.top_k, max_position_embeddings=a.row_length, attention_dropout=0.0,
        router_jitter_noise=0.0, tie_word_embeddings=False, output_router_logits=True, router_aux_loss_coef=BALANCE,
        use_cache=False, bos_token_id=None, eos_token_id=None)
    with torch.device(a.device):  # straight onto the device: no copy in host memory
        model = MixtralForCausalLM._from_config(
            config, dtype={"bf16": torch.bfloat16, "f32": torch.float32}[a.dtype], attn_implementation="causal_sdpa",
            experts_implementation=EXPERTS)
    used = getattr(model.config, "_experts_implementation", None)
    if used != EXPERTS:
        sys.exit(f"torch_moe_step.py: transformers {transformers.__version__} took '{used}' experts, not '{EXPERTS}'")
    if a.freeze_backbone:
        for name, p in model.named_parameters():
            p.requires_grad_(".experts." in name or ".mlp.gate." in name)
    return model.train()


def main():
    a = arguments()
    torch.manual_seed(0)
    cuda = a.device == "cuda"
    synchronize = torch.cuda.synchronize if cuda else lambda: None
    model = make_model(a)
    weights = [p for p in model.parameters() if p.requires_grad]
    params, trained = (sum(p.numel() for p in group) for group in (model.parameters(), weights))
    opt = torch.optim.AdamW(weights, lr=3e-4, weight_decay=0.1, fused=cuda)
    ids = torch.randint(a.vocab, (a.rows, a.row_length), device=a.device)
    with torch.no_grad():  # the first call sets hooks for the router's logits, which would break up a compiled graph
        model(input_ids=ids[:1, :8], use_cache=False)
    run = torch.compile(model, dynamic=False) if a.compile else model
    times, last = [], None
    for step in range(a.warmup + a.steps):
        synchronize()
        start = time.perf_counter()
        loss = run(input_ids=ids, labels=ids, use_cache=False).loss  # the model shifts the labels
        loss.backward()
        torch.nn.utils.clip_grad_norm_(weights, CLIP)
        opt.step()
        opt.zero_grad(set_to_none=True)
        synchronize()
        wall = time.perf_counter() - start
        last = loss.item()
        del loss
        print(f"step {step} loss {last:.4f} {wall:.4f} s", file=sys.stderr, flush=True)
        if step >= a.warmup:
            times.append(wall)
    median, best, tokens = statistics.median(times), min(times), a.rows * a.row_length
    memory = torch.cuda.max_memory_allocated() if cuda else None
    device = torch.cuda.get_device_name() if cuda else "cpu"
    form = {name: getattr(a, name) for name in (
        "dtype", "compile", "freeze_backbone", "width", "layers", "heads", "ffn", "vocab", "experts", "top_k", "rows",
        "row_length", "steps", "warmup")}
    if a.json:
        print(json.dumps({**form, "parameters": params, "trained_parameters": trained, "seconds_median": median,
                          "seconds_best": best, "tokens_per_second": tokens / median, "peak_memory_bytes": memory,
                          "loss": last, "torch": torch.__version__, "transformers": transformers.__version__,
                          "device": device}))
        return
    print("RESULT " + " ".join(f"{name}={int(v) if isinstance(v, bool) else v}" for name, v in form.items()) +
          f" params={params / 1e6:.1f}M trained={trained / 1e6:.1f}M s/step median={median:.4f} best={best:.4f} "
          f"tokens/s median={tokens / median:.0f} best={tokens / best:.0f} "
          f"peak_memory={f'{memory / 2**30:.2f}GiB' if cuda else '-'} loss={last:.4f} torch={torch.__version__} "
          f"transformers={transformers.__version__} device={device.replace(' ', '_')}")


if __name__ == "__main__":
    main()
