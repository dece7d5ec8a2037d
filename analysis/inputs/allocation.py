# analysis/inputs/allocation.py - how many experts each layer has, generation by generation.

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Iterable, List

import numpy as np

from .errors import BadData
from .json_file import counts, field, items, read_json, whole

FORMAT = "isogloss checkpoint"


@dataclass
class Allocation:
    """experts[g, l]: experts of generation g in layer l. Generation 0 is the base model."""

    generations: List[str]  # what each is called
    experts: np.ndarray
    parent: str = ""  # SHA-256 of the manifest of the checkpoint that this one came from


def is_checkpoint(value: Any) -> bool:
    return isinstance(value, dict) and value.get("format") == FORMAT


def is_allocation(value: Any) -> bool:
    return isinstance(value, dict) and "experts" in value and "total" in value and "new" in value


def group_label(generation: int, groups: Iterable[str]) -> str:
    """"growth 1: el, hu, tr", and "growth 1: bn, hi, +10" where the languages are many."""
    if generation == 0:
        return "base"
    tags = list(dict.fromkeys(tag.strip() for group in groups for tag in group.split(",") if tag.strip()))
    shown = tags if len(tags) <= 4 else [*tags[:2], f"+{len(tags) - 2}"]
    return f"growth {generation}" + (f": {', '.join(shown)}" if shown else "")


def parse_checkpoint(value: Any, where: str) -> Allocation:
    layers = items(field(field(value, "model", where), "layers", f"{where}: model"), f"{where}: model.layers")
    found = []  # (generation, layer, group)
    for i, layer in enumerate(layers):
        its = f"{where}: model.layers[{i}]"
        for expert in items(field(layer, "experts", its), f"{its}.experts"):
            generation = whole(field(expert, "generation", its), f"{its}.generation")
            found.append((generation, i, str(expert.get("group", ""))))
    present = sorted({generation for generation, _, _ in found})
    table = np.zeros((len(present), len(layers)), dtype=np.int64)
    for generation, layer, _ in found:
        table[present.index(generation), layer] += 1
    labels = [group_label(g, [group for its, _, group in found if its == g]) for g in present]
    parent = value.get("parent")
    return Allocation(labels, table, str(parent.get("manifest_sha256", "")) if isinstance(parent, dict) else "")


def parse_allocation(value: Any, where: str) -> Allocation:
    """"experts" counts old and new ones, "added" the new ones; without it one expert of a layer is old."""
    experts = counts(field(value, "experts", where), f"{where}: experts", 1)
    added = counts(value["added"], f"{where}: added") if "added" in value else experts - 1
    if len(added) != len(experts) or (added >= experts).any():
        raise BadData(f"{where}: added must have a number a layer, below that of experts; write the file again")
    return Allocation(["old", "new"], np.array([experts - added, added]))


def read_allocation(path: Path) -> Allocation:
    value = read_json(path)
    return parse_checkpoint(value, str(path)) if is_checkpoint(value) else parse_allocation(value, str(path))
