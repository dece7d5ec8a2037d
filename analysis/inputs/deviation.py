# analysis/inputs/deviation.py - how far each layer of each language moved in its probe.

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Dict, List

import numpy as np

from .errors import BadData
from .json_file import field, numbers, read_json, text

KEY = "delta_norm_ffn"


@dataclass
class Deviation:
    """norms[x, l]: 2-norm of the change of language x's feed-forward weights in layer l."""

    languages: List[str]
    norms: np.ndarray

    @property
    def mean(self) -> np.ndarray:
        return self.norms.mean(axis=0)

    @property
    def spread(self) -> np.ndarray:
        """Standard deviation over the languages, of these languages themselves."""
        return self.norms.std(axis=0)

    @property
    def normalised(self) -> np.ndarray:
        """z[l] = (m[l] - min m) / (max m - min m), m the mean over languages (DMoE, arXiv:2506.12388)."""
        mean = self.mean
        return (mean - mean.min()) / (mean.max() - mean.min())

    def chosen(self, threshold: float) -> np.ndarray:
        """The layers that get experts: z[l] >= threshold."""
        return np.flatnonzero(self.normalised >= threshold)


def is_deviation(value: Any) -> bool:
    return isinstance(value, dict) and bool(entries(value)) and all(KEY in its for its in entries(value).values())


def entries(value: Any) -> Dict[str, Any]:
    """The languages; texts and numbers of the file say something about it."""
    return {language: its for language, its in value.items() if isinstance(its, dict)}


def parse_deviation(value: Any, where: str) -> Deviation:
    if not isinstance(value, dict) or not entries(value):
        raise BadData(f"{where}: must be an object, language -> {{\"{KEY}\": [a norm a layer]}}")
    languages = [text(language, where) for language in entries(value)]
    rows = []
    for language in languages:
        its = f"{where}: {language}.{KEY}"
        rows.append(numbers(field(value[language], KEY, f"{where}: {language}"), its, len(rows[0]) if rows else None))
    deviation = Deviation(languages, np.array(rows))
    if deviation.norms.min() < 0:
        raise BadData(f"{where}: a norm is below 0 ({deviation.norms.min():g}); write the file again")
    if not deviation.mean.max() > deviation.mean.min():
        raise BadData(f"{where}: the mean deviation is the same in all {deviation.norms.shape[1]} layers, so none "
                      "can be chosen; probe again with more steps")
    return deviation


def read_deviation(path: Path) -> Deviation:
    return parse_deviation(read_json(path), str(path))
