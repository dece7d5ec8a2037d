# analysis/inputs/lifelong.py - the scores of a lifelong run, stage by stage.

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Dict, List

import numpy as np

from .errors import BadData
from .json_file import field, items, names, read_json, scores, text


@dataclass
class Stage:
    name: str
    languages: List[str]
    new_experts: int
    growth_bytes: int
    old_experts: int
    old_experts_kept: int
    backbone_tensors: int
    backbone_kept: int


@dataclass
class Lifelong:
    """bits_per_byte[x, s]: of language x after stage s; not a number where it was not scored."""

    stages: List[Stage]
    languages: List[str]  # in the order they were learned
    learned: np.ndarray  # [X] the first stage that named each
    bits_per_byte: np.ndarray

    @property
    def change(self) -> np.ndarray:
        """[X, S] bits per byte after a stage minus those after the stage that learned the language;
        not a number before that. Above 0 is forgetting."""
        own = self.bits_per_byte[np.arange(len(self.languages)), self.learned]
        change = self.bits_per_byte - own[:, None]
        change[np.arange(len(self.stages))[None, :] < self.learned[:, None]] = np.nan
        return change


def is_lifelong(value: Any) -> bool:
    return (isinstance(value, dict) and isinstance(value.get("stages"), list) and bool(value["stages"])
            and all(isinstance(stage, dict) and "bits_per_byte" in stage for stage in value["stages"]))


def parse_stage(value: Any, where: str) -> Stage:
    numbers = ("new_experts", "growth_bytes", "old_experts", "old_experts_kept", "backbone_tensors", "backbone_kept")
    return Stage(text(field(value, "name", where), f"{where}.name"),
                 names(field(value, "languages", where), f"{where}.languages"),
                 *(count_or_bytes(value.get(key, 0), f"{where}.{key}") for key in numbers))


def count_or_bytes(value: Any, where: str) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value < 1 << 62:
        raise BadData(f"{where}: {value!r} is not a count")
    return value


def parse_lifelong(value: Any, where: str) -> Lifelong:
    given = items(field(value, "stages", where), f"{where}: stages")
    stages = [parse_stage(stage, f"{where}: stages[{s}]") for s, stage in enumerate(given)]
    first: Dict[str, int] = {}
    for s, stage in enumerate(stages):
        for language in stage.languages:
            first.setdefault(language, s)
    languages, learned = list(first), np.array(list(first.values()), dtype=np.int64)
    table = np.full((len(languages), len(stages)), np.nan)
    for s, stage in enumerate(given):
        its = scores(field(stage, "bits_per_byte", where), f"{where}: stages[{s}].bits_per_byte")
        table[:, s] = [its.get(language, np.nan) for language in languages]
    return Lifelong(stages, languages, learned, table)


def read_lifelong(path: Path) -> Lifelong:
    return parse_lifelong(read_json(path), str(path))
