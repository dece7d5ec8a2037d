# analysis/inputs/language_similarity.py - how alike the languages' probes are, pair by pair.

from dataclasses import dataclass
from pathlib import Path
from typing import Any, List

import numpy as np

from .errors import BadData
from .json_file import field, names, numbers, read_json

ROUNDING = 1e-3  # printed matrices have few decimals; what they differ by is not asymmetry


@dataclass
class LanguageSimilarity:
    """matrix[a, b]: cosine of the deviations of languages a and b; symmetric."""

    languages: List[str]
    matrix: np.ndarray


def is_language_similarity(value: Any) -> bool:
    return (isinstance(value, dict) and "languages" in value and isinstance(value.get("similarity"), list)
            and bool(value["similarity"]) and all(isinstance(row, list) for row in value["similarity"]))


def parse_language_similarity(value: Any, where: str) -> LanguageSimilarity:
    languages = names(field(value, "languages", where), f"{where}: languages")
    rows = field(value, "similarity", where)
    if not isinstance(rows, list) or len(rows) != len(languages):
        raise BadData(f"{where}: similarity must have a row for each of the {len(languages)} languages")
    if len(languages) < 2:
        raise BadData(f"{where}: one language alone has nothing to be like; give at least 2")
    matrix = np.array([numbers(row, f"{where}: similarity[{i}]", len(languages)) for i, row in enumerate(rows)])
    if np.abs(matrix).max() > 1 + ROUNDING:
        raise BadData(f"{where}: similarity {matrix.flat[np.abs(matrix).argmax()]:g} is outside -1 to 1")
    unequal = np.abs(matrix - matrix.T)
    if unequal.max() > ROUNDING:
        a, b = np.unravel_index(unequal.argmax(), unequal.shape)
        raise BadData(f"{where}: similarity of {languages[a]} with {languages[b]} is {matrix[a, b]:g}, the other way "
                      f"round {matrix[b, a]:g}; write the file again")
    return LanguageSimilarity(languages, (matrix + matrix.T) / 2)


def read_language_similarity(path: Path) -> LanguageSimilarity:
    return parse_language_similarity(read_json(path), str(path))
