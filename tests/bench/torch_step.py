#!/usr/bin/env python3
"""The PyTorch peer of the CPU trainer: one training step (forward + backward + AdamW) of a Llama-style model.

The figure Isogloss is compared with on the same machine: RMSNorm, rotary embedding, causal attention, SwiGLU
(dense, or a dropless top-k mixture of experts), untied head, cross entropy, AdamW, random tokens.

Run it tuned, on a quiet machine; untuned, glibc maps and zeroes every large temporary anew:

    export OMP_NUM_THREADS=2 OPENBLAS_NUM_THREADS=2
    export GLIBC_TUNABLES=glibc.malloc.mmap_threshold=4294967296:glibc.malloc.trim_threshold=17179869184:glibc.malloc.hugetlb=1
    python3 torch_step.py --dtype bf16          # and --dtype fp32; --experts 8 --ffn 704

bf16 is autocast over fp32 weights unless --master or --pure-bf16 is given. Which form is fastest depends on the
machine and the torch version: run it with and without --compile and --master, and compare with the best. Written for torch 2.15; torch 1.13 (with
OpenBLAS, not the reference BLAS) runs it too, without --compile, --master and the fused AdamW. "cores" is the CPU time
a step got over its wall time: well under --threads, other programs were in the way and the figure is void.
model FLOP per token = 6 * (active parameters without the embedding, with the head) + 12 * layers * width * seq.
"""
import argparse
import math
import statistics
import sys
import time

import torch
import torch.nn.functional as F
from torch import nn


def arguments():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--dtype", choices=("bf16", "fp32"), default="bf16")
    for name, value, text in (
            ("threads", 2, "CPU threads"), ("steps", 8, "timed steps"), ("warmup", 2, "steps before the timed ones"),
            ("width", 512, "model width"), ("layers", 8, "blocks"), ("heads", 8, "attention heads"),
            ("ffn", 1376, "SwiGLU hidden width (of one expert)"), ("vocab", 32000, "vocabulary"),
            ("seq", 512, "tokens a row"), ("rows", 8, "rows a step"), ("experts", 0, "experts, 0: dense"),
            ("top-k", 2, "experts a token")):
        p.add_argument("--" + name, type=int, default=value, help=text + " (%(default)s)")
    p.add_argument("--compile", action=argparse.BooleanOptionalAction, default=False)
    p.add_argument("--pure-bf16", action="store_true", help="bf16 weights and AdamW state, no fp32 master")
    p.add_argument("--master", action="store_true", help="bf16 weights and gradients, fp32 master and AdamW state")
    p.add_argument("--optimizer", choices=("fused", "foreach"), help="default: fused from torch 2.4 on")
    return p.parse_args()


class RMSNorm(nn.Module):
    def __init__(self, width):
        super().__init__()
        self.weight = nn.Parameter(torch.ones(width))

    def forward(self, x):
        y = x.float()
        return (y * torch.rsqrt(y.square().mean(-1, keepdim=True) + 1e-5) * self.weight).to(x.dtype)


def rotate(x, cos, sin):
    a, b = x.chunk(2, -1)
    return torch.cat((a * cos - b * sin, b * cos + a * sin), -1).to(x.dtype)


class Attention(nn.Module):
    def __init__(self, a):
        super().__init__()
        self.heads = a.heads
        self.qkv = nn.Linear(a.width, 3 * a.width, bias=False)
        self.out = nn.Linear(a.width, a.width, bias=False)

    def forward(self, x, cos, sin):
        rows, seq, width = x.shape
        qkv = self.qkv(x).view(rows, seq, 3, self.heads, width // self.heads).permute(2, 0, 3, 1, 4)
        q, k = rotate(qkv[:2], cos, sin).unbind(0)
        if hasattr(F, "scaled_dot_product_attention"):
            y = F.scaled_dot_product_attention(q, k, qkv[2], is_causal=True)
        else:  # torch 1.x
            mask = torch.full((seq, seq), -math.inf, dtype=q.dtype).triu(1)
            y = (q @ k.transpose(-1, -2) / math.sqrt(q.shape[-1]) + mask).softmax(-1).to(q.dtype) @ qkv[2]
        return self.out(y.transpose(1, 2).reshape(rows, seq, width))


def swiglu(gate_up):
    gate, up = gate_up.chunk(2, -1)
    return F.silu(gate) * up


class Dense(nn.Module):
    def __init__(self, a):
        super().__init__()
        self.gate_up = nn.Linear(a.width, 2 * a.ffn, bias=False)
        self.down = nn.Linear(a.ffn, a.width, bias=False)

    def forward(self, x):
        return self.down(swiglu(self.gate_up(x)))


class GroupedLinear(torch.autograd.Function):
    """y[group e] = x[group e] @ w[e].T, each product written where it belongs."""

    @staticmethod
    def forward(ctx, x, w, counts):
        wx = w.to(x.dtype)
        ctx.save_for_backward(x, wx)
        ctx.counts, ctx.dtype = counts, w.dtype
        y = x.new_empty(x.shape[0], w.shape[1])
        for rows, out, we in zip(x.split(counts), y.split(counts), wx):
            torch.mm(rows, we.t(), out=out)
        return y

    @staticmethod
    def backward(ctx, gy):
        x, w = ctx.saved_tensors
        gy = gy.contiguous()
        gx, gw = torch.empty_like(x), torch.empty_like(w)
        for rows, g, gr, we, gwe in zip(x.split(ctx.counts), gy.split(ctx.counts), gx.split(ctx.counts), w, gw):
            torch.mm(g, we, out=gr)
            torch.mm(g.t(), rows, out=gwe)
        return gx, gw.to(ctx.dtype), None


def grouped(x, w, counts):
    return GroupedLinear.apply(x, w, counts.tolist())


if hasattr(torch, "compiler"):
    grouped = torch.compiler.disable(grouped)


class Experts(nn.Module):
    """Dropless: (token, expert) pairs sorted by expert, one product per expert, weighted back to the tokens."""

    def __init__(self, a):
        super().__init__()
        self.experts, self.top_k = a.experts, a.top_k
        self.dtype = torch.bfloat16 if a.dtype == "bf16" else None
        self.router = nn.Linear(a.width, a.experts, bias=False)
        self.gate_up = nn.Parameter(torch.empty(a.experts, 2 * a.ffn, a.width))
        self.down = nn.Parameter(torch.empty(a.experts, a.width, a.ffn))

    def forward(self, x):
        tokens = x.reshape(-1, x.shape[-1])
        weight, chosen = self.router(tokens).float().softmax(-1).topk(self.top_k)
        weight = weight / weight.sum(-1, keepdim=True)
        order = chosen.flatten().argsort()
        counts = torch.bincount(chosen.flatten(), minlength=self.experts)
        y = grouped(tokens.to(self.dtype or x.dtype)[order // self.top_k], self.gate_up, counts)
        y = grouped(swiglu(y), self.down, counts)
        y = y[order.argsort()].view(*weight.shape, -1) * weight.unsqueeze(-1)
        return y.sum(1).view(x.shape).to(x.dtype)


class Block(nn.Module):
    def __init__(self, a):
        super().__init__()
        self.norm1, self.norm2 = RMSNorm(a.width), RMSNorm(a.width)
        self.attention, self.ffn = Attention(a), Experts(a) if a.experts else Dense(a)

    def forward(self, x, cos, sin):
        x = x + self.attention(self.norm1(x), cos, sin)
        return x + self.ffn(self.norm2(x))


class Model(nn.Module):
    def __init__(self, a):
        super().__init__()
        self.embedding = nn.Embedding(a.vocab, a.width)
        self.blocks = nn.ModuleList(Block(a) for _ in range(a.layers))
        self.norm = RMSNorm(a.width)
        self.head = nn.Linear(a.width, a.vocab, bias=False)
        half = a.width // a.heads // 2
        angle = torch.outer(torch.arange(a.seq).float(), 10000 ** (-torch.arange(half) / half))
        self.cos, self.sin = angle.cos(), angle.sin()  # no buffers: they stay fp32
        for p in self.parameters():
            if p.dim() > 1:
                nn.init.normal_(p, std=0.02)

    def forward(self, ids, targets):
        x = self.embedding(ids)
        for block in self.blocks:
            x = block(x, self.cos, self.sin)
        return F.cross_entropy(self.head(self.norm(x)).float().flatten(0, 1), targets.flatten())


def main():
    a = arguments()
    torch.manual_seed(0)
    torch.set_num_threads(a.threads)
    if (a.pure_bf16 or a.master) and a.dtype != "bf16":
        sys.exit("torch_step.py: --pure-bf16 and --master need --dtype bf16")
    model = Model(a)
    params = sum(p.numel() for p in model.parameters())
    masters = weights = list(model.parameters())
    if a.pure_bf16 or a.master:
        masters = [p.detach().clone().requires_grad_() for p in weights]
        weights = list(model.to(torch.bfloat16).parameters())
        masters = masters if a.master else weights
    version = tuple(int(v) for v in torch.__version__.split(".")[:2])
    a.optimizer = a.optimizer or ("fused" if version >= (2, 4) else "foreach")
    opt = torch.optim.AdamW(masters, lr=3e-4, weight_decay=0.1, **{a.optimizer: True})
    run = torch.compile(model) if a.compile else model
    autocast = a.dtype == "bf16" and not (a.pure_bf16 or a.master)
    tokens = a.rows * a.seq
    ids = torch.randint(a.vocab, (a.rows, a.seq + 1))
    times, cores = [], []
    for step in range(a.warmup + a.steps):
        start, cpu = time.perf_counter(), time.process_time()
        with torch.autocast("cpu", torch.bfloat16, enabled=autocast):
            loss = run(ids[:, :-1], ids[:, 1:])
        loss.backward()
        if a.master:
            for m, w in zip(masters, weights):
                m.grad = w.grad.float()
        opt.step()
        if a.master:
            with torch.no_grad():
                torch._foreach_copy_(weights, masters)
        model.zero_grad(set_to_none=True)
        wall = time.perf_counter() - start
        used = (time.process_time() - cpu) / wall
        print(f"step {step} loss {loss.item():.4f} {wall:.3f} s cores {used:.2f}", file=sys.stderr, flush=True)
        if step >= a.warmup:
            times.append(wall)
            cores.append(used)
    median = statistics.median(times)
    active = params - a.vocab * a.width
    if a.experts:
        active -= a.layers * (a.experts - a.top_k) * 3 * a.width * a.ffn
    flop = 6 * active + 12 * a.layers * a.width * a.seq
    form = "fp32" if a.dtype == "fp32" else "pure" if a.pure_bf16 else "master" if a.master else "autocast"
    print(f"RESULT dtype={a.dtype} form={form} compile={int(a.compile)} optimizer={a.optimizer} "
          f"threads={a.threads} experts={a.experts} top_k={a.top_k if a.experts else 0} "
          f"ffn={a.ffn} params={params / 1e6:.1f}M active={(active + a.vocab * a.width) / 1e6:.1f}M "
          f"tokens/s median={tokens / median:.0f} best={tokens / min(times):.0f} "
          f"model_gflop/s={flop * tokens / median / 1e9:.0f} mflop/token={flop / 1e6:.0f} "
          f"cores={statistics.median(cores):.2f} torch={torch.__version__}")


if __name__ == "__main__":
    main()
