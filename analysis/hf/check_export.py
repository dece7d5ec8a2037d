#!/usr/bin/env python3
"""Does an exported folder compute in transformers what Isogloss computes?

    isogloss generate CKPT --tokens 5,9,2 --temperature 0 --max-tokens 8 \\
        --logits-out logits.safetensors --out result.json
    isogloss model export CKPT folder
    analysis/hf/check_export.py folder result.json logits.safetensors

Compares the logits at every token of the prompts, and the tokens that follow when the likeliest is
always taken. Needs torch, transformers and safetensors. Exit code 0: all agree; 3: they do not.
"""

import argparse
import json
import sys

import torch
from safetensors.torch import load_file
from transformers import AutoModelForCausalLM


def arguments():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", help="that `isogloss model export` made")
    parser.add_argument("result", help="of `isogloss generate --out`")
    parser.add_argument("logits", help="of `isogloss generate --logits-out`")
    parser.add_argument("--language", help="hard routing to this language's experts")
    parser.add_argument("--tolerance", type=float, default=1e-4,
                        help="largest difference, relative to the largest logit of its row")
    return parser.parse_args()


def prompts(given):
    """(prompt, what followed, logits at the prompt's tokens), one after another."""
    logits = load_file(given.logits)
    with open(given.result, encoding="utf-8") as file:
        for number, entry in enumerate(json.load(file)["prompts"]):
            yield (torch.tensor(entry["prompt_tokens"]), torch.tensor(entry["tokens"]),
                   logits[f"logits.{number}"])


def load(folder):
    model = AutoModelForCausalLM.from_pretrained(
        folder, dtype=torch.float32, trust_remote_code=True, attn_implementation="eager")
    return model.eval()


def difference(model, tokens, logits, extra):
    """The largest difference of any logit, relative to the largest of its row."""
    with torch.no_grad():
        got = model(tokens[None], use_cache=False, **extra).logits[0]
    largest = logits.abs().amax(-1, keepdim=True)
    return ((got.float() - logits) / largest).abs().max().item()


def continued(model, prompt, count, extra):
    with torch.no_grad():
        # Said, or tokens that are the padding's id would not be seen.
        tokens = model.generate(
            prompt[None], attention_mask=torch.ones_like(prompt)[None], max_new_tokens=count,
            do_sample=False, eos_token_id=None, pad_token_id=0, **extra)
    return tokens[0, len(prompt):]


def main():
    given = arguments()
    model = load(given.folder)
    extra = {"language": given.language} if given.language else {}
    worst, rows, tokens, unlike = 0.0, 0, 0, 0
    for prompt, follows, logits in prompts(given):
        worst = max(worst, difference(model, prompt, logits, extra))
        rows += len(prompt)
        tokens += len(follows)
        if len(follows) and not torch.equal(continued(model, prompt, len(follows), extra), follows):
            unlike += 1
    print(f"{type(model).__name__}: logits at {rows} tokens, largest relative difference {worst:.2g};"
          f" {tokens} tokens generated, {unlike} prompts go on in another way")
    return 0 if rows and worst <= given.tolerance and not unlike else 3


if __name__ == "__main__":
    sys.exit(main())
