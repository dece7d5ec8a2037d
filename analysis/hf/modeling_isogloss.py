"""A decoder whose feed-forwards are mixtures of experts, as Isogloss trains them.

Loads a folder that `isogloss model export` wrote:

    model = AutoModelForCausalLM.from_pretrained(folder, trust_remote_code=True)
    model(input_ids)                             # soft: the routers and classifiers choose
    model(input_ids, language="el")              # hard: the experts of this language's group
    model(input_ids, language=["el", "hu"])      # one a row

A classifier that decides about whole rows decides by all tokens of `input_ids`; in `generate`, as in
`isogloss generate`, by those of the prompt. There is no key-value cache: every new token is a pass
over the whole row.
"""

import math

import torch
import torch.nn.functional as F
from torch import nn
from transformers import GenerationMixin, PreTrainedModel
from transformers.modeling_outputs import CausalLMOutputWithPast

from .configuration_isogloss import IsoglossConfig


class Norm(nn.Module):
    """RMS norm (with gain, or 1 + gain) or layer norm, computed in float."""

    def __init__(self, width, kind, epsilon):
        super().__init__()
        self.kind, self.epsilon = kind, epsilon
        self.weight = nn.Parameter(torch.ones(width))
        self.bias = nn.Parameter(torch.zeros(width)) if kind == "layer" else None

    def forward(self, x):
        y, gain = x.float(), self.weight.float()
        if self.kind == "layer":
            y = F.layer_norm(y, y.shape[-1:], gain, self.bias.float(), self.epsilon)
            return y.to(x.dtype)
        y = y * torch.rsqrt(y.square().mean(-1, keepdim=True) + self.epsilon)
        return (y * (1 + gain if self.kind == "rms_offset" else gain)).to(x.dtype)


def rotary_angles(model, position):
    """[B, T, W/2] angles by position; the scalings are "linear" and that of Llama 3."""
    half = model["head_width"] // 2
    pair = torch.arange(half, dtype=torch.float64, device=position.device)
    speed = model["rope_theta"] ** (-pair / half)
    scaling = model.get("rope_scaling", {"kind": "none"})
    if scaling["kind"] == "linear":
        speed = speed / scaling["factor"]
    elif scaling["kind"] == "llama3":
        low, high = scaling["low_frequency"], scaling["high_frequency"]
        turns = scaling["original_positions"] * speed / (2 * math.pi)
        kept = ((turns - low) / (high - low)).clamp(0, 1)
        speed = ((1 - kept) / scaling["factor"] + kept) * speed
    return position[..., None].double() * speed


def turn(x, angles):
    """Pairs (i, i + W/2) of heads [B, T, heads, W], turned."""
    cosine, sine = angles.cos().float()[:, :, None], angles.sin().float()[:, :, None]
    first, second = x.float().chunk(2, dim=-1)
    return torch.cat((first * cosine - second * sine, second * cosine + first * sine), -1).to(x.dtype)


def alibi_slopes(heads, device):
    """Press et al., arXiv:2108.12409, for any number of heads as Bloom has them."""
    power = 2 ** math.floor(math.log2(heads))
    slopes = [2 ** (-8 * (i + 1) / power) for i in range(power)]
    slopes += [2 ** (-4 * (2 * i + 1) / power) for i in range(heads - power)]
    return torch.tensor(slopes, device=device)


class Attention(nn.Module):
    def __init__(self, config):
        super().__init__()
        model = self.model = config.isogloss
        self.heads, self.kv_heads = model["num_heads"], model["num_kv_heads"]
        self.width = model["head_width"]
        rows = (self.heads + 2 * self.kv_heads) * self.width
        self.qkv = nn.Linear(model["width"], rows, bias=model["qkv_bias"])
        self.output = nn.Linear(
            self.heads * self.width, model["width"], bias=config.family("linear_bias", False)
        )
        if config.family("qk_norm", False):
            self.q_norm = Norm(self.width, "rms", model["norm_epsilon"])
            self.k_norm = Norm(self.width, "rms", model["norm_epsilon"])
        self.is_rotary = config.family("position", "rotary") == "rotary"

    def forward(self, x, position, visible):
        rows, length, _ = x.shape
        qkv = self.qkv(x).view(rows, length, -1, self.width)
        q, k, v = qkv.split((self.heads, self.kv_heads, self.kv_heads), dim=2)
        if hasattr(self, "q_norm"):
            q, k = self.q_norm(q), self.k_norm(k)
        if self.is_rotary:
            angles = rotary_angles(self.model, position)
            q, k = turn(q, angles), turn(k, angles)
        q, k, v = (t.transpose(1, 2) for t in (q, k, v))
        repeat = self.heads // self.kv_heads
        k, v = k.repeat_interleave(repeat, 1), v.repeat_interleave(repeat, 1)
        score = torch.zeros_like(visible, dtype=torch.float32)
        if not self.is_rotary:
            distance = position[:, None, None, :] - position[:, None, :, None]
            score = alibi_slopes(self.heads, x.device)[:, None, None] * distance
        score = score.masked_fill(~visible, float("-inf")).to(q.dtype)
        y = F.scaled_dot_product_attention(q, k, v, attn_mask=score)
        return self.output(y.transpose(1, 2).reshape(rows, length, -1))


class Expert(nn.Module):
    def __init__(self, config, hidden):
        super().__init__()
        width = config.isogloss["width"]
        bias = config.family("linear_bias", False)
        self.kind = config.family("feed_forward", "swiglu")
        if self.kind == "gelu":
            self.up = nn.Linear(width, hidden, bias=bias)
        else:
            self.gate_up = nn.Linear(width, 2 * hidden, bias=bias)
        self.down = nn.Linear(hidden, width, bias=bias)

    def forward(self, x):
        if self.kind == "gelu":
            return self.down(F.gelu(self.up(x), approximate="tanh"))
        gate, up = self.gate_up(x).chunk(2, dim=-1)
        gate = F.silu(gate) if self.kind == "swiglu" else F.gelu(gate, approximate="tanh")
        return self.down(gate * up)


class SharedExpert(Expert):
    """An expert that every token visits; a gate of its own scales its output."""

    def __init__(self, config, hidden):
        super().__init__(config, hidden)
        self.gate = nn.Linear(config.isogloss["width"], 1, bias=False)

    def forward(self, x):
        score = F.linear(x.float(), self.gate.weight.float())
        return score.sigmoid().to(x.dtype) * super().forward(x)


class Scorer(nn.Module):
    """Scores in float, whatever the model's type."""

    def __init__(self, outputs, width):
        super().__init__()
        self.weight = nn.Parameter(torch.zeros(outputs, width))

    def forward(self, x):
        return F.linear(x.float(), self.weight.float())


class Layer(nn.Module):
    def __init__(self, config, index):
        super().__init__()
        model, shape = config.isogloss, config.layer(index)
        norm = (model["width"], config.family("norm", "rms"), model["norm_epsilon"])
        self.config, self.index = config, index
        self.attention_norm = Norm(*norm)
        self.attention = Attention(config)
        self.ffn_norm = Norm(*norm)
        hidden = model["ffn_hidden"]
        self.experts = nn.ModuleList(Expert(config, hidden) for _ in shape["experts"])
        if "shared_expert_hidden" in shape:
            self.shared_expert = SharedExpert(config, shape["shared_expert_hidden"])
        self.classifier_span = shape.get("classifier", {}).get("span")
        if len(self.experts) > 1:
            self.router = Scorer(len(self.experts), model["width"])
        if self.classifier_span:
            self.classifier = Scorer(shape["classifier"]["classes"], model["width"])

    def forward(self, x, position, visible, counted, language):
        x = x + self.attention(self.attention_norm(x), position, visible)
        return x + self.feed_forward(self.ffn_norm(x), counted, language)

    def feed_forward(self, x, counted, language):
        if len(self.experts) == 1:
            return self.experts[0](x)
        gates = self.hard_gates(x, language) if language else self.soft_gates(x, counted)
        y = torch.zeros_like(x)
        for number, expert in enumerate(self.experts):
            chosen = gates[..., number] != 0
            if chosen.any():
                part = expert(x[chosen]) * gates[..., number][chosen][:, None].to(x.dtype)
                y[chosen] = y[chosen] + part
        return y + self.shared_expert(x) if hasattr(self, "shared_expert") else y

    def hard_gates(self, x, language):
        experts = [self.config.expert_of(self.index, its) for its in language]
        gates = F.one_hot(torch.tensor(experts, device=x.device), len(self.experts))
        return gates[:, None, :].expand(-1, x.shape[1], -1).float()

    def soft_gates(self, x, counted):
        """[B, T, experts]: a softmax over the K best, or their probabilities among all; 0 for the
        others."""
        logits = self.router(x)
        best, chosen = logits.topk(min(self.config.isogloss["top_k"], len(self.experts)))
        if self.config.isogloss.get("gates") == "probabilities":
            best = logits.softmax(-1).gather(-1, chosen)
        else:
            best = best.softmax(-1)
        gates = torch.zeros_like(logits).scatter(-1, chosen, best)
        if self.classifier_span:
            first = F.one_hot(torch.zeros_like(chosen[..., 0]), len(self.experts)).to(gates.dtype)
            gates = torch.where(self.is_old(x, counted)[..., None], first, gates)
        return gates

    def is_old(self, x, counted):
        """[B, T] tokens, or [B, 1] rows, that the classifier holds for the base model's."""
        if self.classifier_span == "sequence":
            x = (x[:, : counted.shape[1]].float() * counted[..., None]).sum(1, keepdim=True)
        logits = self.classifier(x)
        return logits[..., 0] >= logits[..., 1]


class IsoglossForCausalLM(PreTrainedModel, GenerationMixin):
    config_class = IsoglossConfig
    _no_split_modules = ["Layer"]

    def __init__(self, config):
        super().__init__(config)
        model = config.isogloss
        norm = (model["width"], config.family("norm", "rms"), model["norm_epsilon"])
        self.embedding = nn.Embedding(model["vocab_size"], model["width"])
        if config.family("embedding_norm", False):
            self.embedding_norm = Norm(*norm)
        self.layers = nn.ModuleList(Layer(config, i) for i in range(len(model["layers"])))
        self.final_norm = Norm(*norm)
        if not model["tied_embeddings"]:
            self.head = nn.Linear(model["width"], model["vocab_size"], bias=False)
        self.post_init()

    def _init_weights(self, module):
        if isinstance(module, (nn.Linear, nn.Embedding)):
            module.weight.data.normal_(0, 0.02)

    def get_input_embeddings(self):
        return self.embedding

    def set_input_embeddings(self, value):
        self.embedding = value

    def get_output_embeddings(self):
        return getattr(self, "head", None)

    def prepare_inputs_for_generation(self, input_ids, attention_mask=None, **kwargs):
        return {
            "input_ids": input_ids,
            "attention_mask": attention_mask,
            "language": kwargs.get("language"),
            "decided_by": kwargs.get("decided_by"),
        }

    def generate(self, inputs=None, **kwargs):
        prompt = inputs if inputs is not None else kwargs["input_ids"]
        return super().generate(inputs, **{"decided_by": prompt.shape[1], **kwargs})

    def embed(self, input_ids):
        x = self.embedding(input_ids)
        if self.config.family("embedding_scale", False):
            x = x * torch.tensor(x.shape[-1] ** 0.5, dtype=x.dtype)
        return self.embedding_norm(x) if hasattr(self, "embedding_norm") else x

    def forward(
        self, input_ids, attention_mask=None, position_ids=None, labels=None, language=None,
        decided_by=None, **_
    ):
        """`position_ids` that begin again at 0 begin a document, which sees no other. The labels
        are the row's tokens; -100 does not count. Classifiers that decide about rows look at the
        first `decided_by` tokens."""
        if attention_mask is None:
            attention_mask = torch.ones_like(input_ids)
        if position_ids is None:
            position_ids = (attention_mask.cumsum(-1) - 1).clamp(min=0)
            document = torch.zeros_like(input_ids)
        else:
            document = (position_ids == 0).cumsum(-1)
        place = torch.arange(input_ids.shape[1], device=input_ids.device)
        visible = (place[:, None] >= place[None, :])[None]
        visible = visible & (document[:, :, None] == document[:, None, :])
        visible = visible & (attention_mask[:, None, :] != 0)
        visible = (visible | (place[:, None] == place[None, :]))[:, None]
        if isinstance(language, str):
            language = [language] * input_ids.shape[0]
        x = self.embed(input_ids)
        for layer in self.layers:
            x = layer(x, position_ids, visible, attention_mask[:, :decided_by], language)
        x = self.final_norm(x)
        tied = self.config.isogloss["tied_embeddings"]
        logits = F.linear(x, self.embedding.weight) if tied else self.head(x)
        loss = None
        if labels is not None:
            loss = F.cross_entropy(
                logits[:, :-1].float().flatten(0, 1), labels[:, 1:].flatten(), ignore_index=-100
            )
        return CausalLMOutputWithPast(loss=loss, logits=logits)
