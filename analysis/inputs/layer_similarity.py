# analysis/inputs/layer_similarity.py - how alike new and old languages are, layer by layer.

from dataclasses import dataclass
from pathlib import Path
from typing import Any, List, Optional

import numpy as np

from .errors import BadData
from .json_file import field, is_number, names, numbers, read_json

KEY = "similarity"


@dataclass
class LayerSimilarity:
    """Means over language pairs, a number a layer; S decides how many experts a layer gets."""

    combined: np.ndarray  # S[l] = (new_old[l] + new_new[l]) / 2 (LayerMoE, arXiv:2505.22582)
    new_new: Optional[np.ndarray] = None  # absent where the file has S alone
    new_old: Optional[np.ndarray] = None
    new_languages: Optional[List[str]] = None
    old_languages: Optional[List[str]] = None


def is_layer_similarity(value: Any) -> bool:
    return (isinstance(value, dict) and isinstance(value.get(KEY), list) and bool(value[KEY])
            and all(is_number(number) for number in value[KEY]))


def parse_layer_similarity(value: Any, where: str) -> LayerSimilarity:
    combined = numbers(field(value, KEY, where), f"{where}: {KEY}")
    parts = {key: numbers(value[key], f"{where}: {key}", len(combined)) for key in ("new_new", "new_old")
             if value.get(key) is not None}
    tags = {key: names(value[key], f"{where}: {key}") for key in ("new_languages", "old_languages")
            if value.get(key) is not None}
    for key, its in {KEY: combined, **parts}.items():
        if np.abs(its).max() > 1:
            raise BadData(f"{where}: {key} {its[np.abs(its).argmax()]:g} is outside -1 to 1; it must be a mean cosine")
    return LayerSimilarity(combined, **parts, **tags)


def read_layer_similarity(path: Path) -> LayerSimilarity:
    return parse_layer_similarity(read_json(path), str(path))
