# analysis/inputs/layer_similarity.py - how alike new and old languages are, layer by layer.

from dataclasses import dataclass, field as default
from pathlib import Path
from typing import Any, List, Optional

import numpy as np

from .errors import BadData
from .json_file import field, is_number, numbers, read_json, text

KEY = "similarity"


@dataclass
class LayerSimilarity:
    """Means over language pairs, a number a layer; S decides how many experts a layer gets."""

    combined: np.ndarray  # S[l] = (new_old[l] + new_new[l]) / 2 (LayerMoE, arXiv:2505.22582)
    new_new: Optional[np.ndarray] = None  # absent where the file has S alone, or there is one new language
    new_old: Optional[np.ndarray] = None
    new_languages: List[str] = default(default_factory=list)
    old_languages: List[str] = default(default_factory=list)


def is_layer_similarity(value: Any) -> bool:
    return (isinstance(value, dict) and isinstance(value.get(KEY), list) and bool(value[KEY])
            and all(is_number(number) for number in value[KEY]))


def parse_layer_similarity(value: Any, where: str) -> LayerSimilarity:
    combined = numbers(field(value, KEY, where), f"{where}: {KEY}")
    parts = {key: numbers(value[key], f"{where}: {key}", len(combined)) for key in ("new_new", "new_old")
             if value.get(key) not in (None, [])}
    for key, its in {KEY: combined, **parts}.items():
        if np.abs(its).max() > 1:
            raise BadData(f"{where}: {key} {its[np.abs(its).argmax()]:g} is outside -1 to 1; it must be a mean cosine")
    return LayerSimilarity(combined, **parts, new_languages=tags_of(value, "new", where),
                           old_languages=tags_of(value, "old", where))


def tags_of(value: Any, role: str, where: str) -> List[str]:
    """The languages of a role: "languages": {"el": {"role": "new"}, ...}."""
    languages = value.get("languages", {})
    if not isinstance(languages, dict):
        raise BadData(f"{where}: languages must be an object, tag -> role; write the file again")
    return [text(tag, f"{where}: languages") for tag, its in languages.items()
            if isinstance(its, dict) and its.get("role") == role]


def read_layer_similarity(path: Path) -> LayerSimilarity:
    return parse_layer_similarity(read_json(path), str(path))
