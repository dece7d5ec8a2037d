# analysis/inputs/shares.py - which experts the tokens of each language went to, layer by layer.

from dataclasses import dataclass, field as default
from pathlib import Path
from typing import Any, Dict, List

import numpy as np

from .errors import BadData
from .json_file import counts, field, numbers, read_json, scores, text, whole

ROUNDING = 1e-3  # of a sum of shares, which printed decimals may miss


@dataclass
class LayerShares:
    layer: int
    generation: np.ndarray  # [E]
    share: Dict[str, np.ndarray]  # language -> [E], choices of each expert over all choices
    class_zero: Dict[str, float] = default(default_factory=dict)  # decisions for class 0 over all


@dataclass
class Shares:
    """checkpoint: its folder, as text; empty if the file does not say."""

    layers: List[LayerShares]
    checkpoint: str = ""

    @property
    def languages(self) -> List[str]:
        return list(dict.fromkeys(language for layer in self.layers for language in layer.share))


def is_shares(value: Any) -> bool:
    its = value.get("shares", value) if isinstance(value, dict) else None
    layers = its.get("layers") if isinstance(its, dict) else None
    return isinstance(layers, list) and bool(layers) and all(isinstance(x, dict) and "share" in x for x in layers)


def parse_layer(value: Any, where: str) -> LayerShares:
    experts = whole(field(value, "experts", where), f"{where}.experts", 1)
    generation = counts(value.get("generation", [0] * experts), f"{where}.generation")
    if len(generation) != experts:
        raise BadData(f"{where}: {experts} experts and {len(generation)} generations; write the file again")
    share = {}
    for language, its in value["share"].items():
        text(language, where)
        row = numbers(its, f"{where}.share.{language}", experts)
        if row.min() < 0 or not (abs(row.sum() - 1) < ROUNDING or row.sum() == 0):
            raise BadData(f"{where}.share.{language}: shares must be at least 0 and sum to 1, not {row.sum():g}")
        share[language] = row
    classes = scores(value.get("class_zero", {}), f"{where}.class_zero")
    return LayerShares(whole(field(value, "layer", where), f"{where}.layer"), generation, share, classes)


def parse_shares(value: Any, where: str) -> Shares:
    """Of `evaluate --shares --json`, whole or its key "shares" alone."""
    its = value["shares"] if isinstance(value, dict) and isinstance(value.get("shares"), dict) else value
    layers = field(its, "layers", where)
    if not isinstance(layers, list) or not layers:
        raise BadData(f"{where}: no layer has a router, so there are no shares; evaluate a model with several experts")
    if not all(isinstance(layer, dict) and isinstance(layer.get("share"), dict) for layer in layers):
        raise BadData(f"{where}: a layer has no \"share\", language -> a number an expert; is it the right file?")
    found = [parse_layer(layer, f"{where}: layers[{i}]") for i, layer in enumerate(layers)]
    if any(a.layer >= b.layer for a, b in zip(found, found[1:])):
        raise BadData(f"{where}: layers must rise; write the file again")
    shares = Shares(found, str(value.get("checkpoint", "")))
    if not shares.languages:
        raise BadData(f"{where}: has the shares of no language; evaluate at least one")
    return shares


def read_shares(path: Path) -> Shares:
    return parse_shares(read_json(path), str(path))
