# analysis/inputs/metrics.py - what a training run wrote about each step.

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Dict, List, Tuple

import numpy as np

from .errors import BadData
from .json_file import field, parse, read_text, scores, whole

Curve = Tuple[np.ndarray, np.ndarray]  # steps, rising; values


@dataclass
class Metrics:
    loss: Dict[str, Curve]  # language -> training loss, nats a token, at the steps that had the language
    valid: Dict[str, Curve]  # language -> bits per byte of held-out text
    last_step: int

    @property
    def languages(self) -> List[str]:
        return sorted(set(self.loss) | set(self.valid))


def curves(rows: Dict[int, Dict[str, float]]) -> Dict[str, Curve]:
    """step -> {language: value} turned into a curve a language; values that are not there are left out."""
    languages = sorted({language for row in rows.values() for language in row})
    found = {}
    for language in languages:
        points = [(step, rows[step][language]) for step in sorted(rows) if language in rows[step]]
        array = np.array([point for point in points if np.isfinite(point[1])], dtype=np.float64).reshape(-1, 2)
        if len(array):
            found[language] = (array[:, 0], array[:, 1])
    return found


def parse_metrics(lines: str, where: str) -> Metrics:
    """A run that goes on after a crash may say a step twice: the later line holds. A last line without its
    end is being written and is left out."""
    loss: Dict[int, Dict[str, float]] = {}
    valid: Dict[int, Dict[str, float]] = {}
    last = 0
    whole_lines = lines[:lines.rfind("\n") + 1].splitlines()
    for number, line in enumerate(whole_lines, 1):
        its = f"{where}:{number}"
        record: Any = parse(line, its)
        step = whole(field(record, "step", its), f"{its}: step")
        last = max(last, step)
        for key, rows in (("language_loss", loss), ("valid_bits_per_byte", valid)):
            if key in record:
                rows[step] = scores(record[key], f"{its}: {key}")
    metrics = Metrics(curves(loss), curves(valid), last)
    if not metrics.languages:
        raise BadData(f"{where}: has no loss of any language yet; wait for the first step")
    return metrics


def read_metrics(path: Path) -> Metrics:
    return parse_metrics(read_text(path), str(path))
