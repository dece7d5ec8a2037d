# analysis/inputs/find.py - what a folder holds that can be drawn.

import hashlib
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Callable, Dict, List, Tuple

from .allocation import is_allocation, is_checkpoint, parse_allocation, parse_checkpoint
from .deviation import is_deviation, parse_deviation
from .errors import AnalysisError, UsageError
from .groups import is_groups, parse_groups
from .json_file import parse, read_text
from .language_similarity import is_language_similarity, parse_language_similarity
from .layer_similarity import is_layer_similarity, parse_layer_similarity
from .lifelong import is_lifelong, parse_lifelong
from .metrics import parse_metrics
from .shares import is_shares, parse_shares

MAX_FILES = 100_000  # looked at; more is no run's folder
FORMS: List[Tuple[str, Callable[[Any], bool], Callable[[Any, str], Any]]] = [
    ("checkpoint", is_checkpoint, parse_checkpoint),
    ("lifelong", is_lifelong, parse_lifelong),
    ("deviation", is_deviation, parse_deviation),
    ("language_similarity", is_language_similarity, parse_language_similarity),
    ("layer_similarity", is_layer_similarity, parse_layer_similarity),
    ("allocation", is_allocation, parse_allocation),
    ("groups", is_groups, parse_groups),
    ("shares", is_shares, parse_shares),
]


@dataclass
class File:
    path: Path
    content: Any  # parsed: Deviation, Lifelong, ...


@dataclass
class Found:
    """Files by form, in the order of their paths; and those that should have been readable."""

    files: Dict[str, List[File]]
    faults: List[str]

    def of(self, form: str) -> List[File]:
        return self.files.get(form, [])


def form_of(value: Any) -> str:
    return next((form for form, fits, _ in FORMS if fits(value)), "")


def read(path: Path) -> Tuple[str, Any]:
    """The form and the content of a file; no form when it is JSON of another kind."""
    if path.name == "metrics.jsonl":
        return "metrics", parse_metrics(read_text(path), str(path))
    value = parse(read_text(path), str(path))
    form = form_of(value)
    parser = next((parser for name, _, parser in FORMS if name == form), None)
    return form, parser(value, str(path)) if parser else None


def candidates(folder: Path) -> List[Path]:
    """JSON files and metrics under `folder`, sorted; what a job that died left half-written is passed over."""
    if not folder.is_dir():
        raise UsageError(f"{folder}: no such folder; give the folder of a run")
    found = []
    looked_at = 0
    for place, folders, files in os.walk(folder):
        folders[:] = sorted(name for name in folders if not name.startswith(".") and not name.endswith(".partial"))
        looked_at += len(files)
        if looked_at > MAX_FILES:
            raise UsageError(f"{folder}: holds more than {MAX_FILES} files; give the folder of one run")
        found += [Path(place) / name for name in sorted(files) if name.endswith(".json") or name == "metrics.jsonl"]
    return found


def find(folder: Path) -> Found:
    found = Found({}, [])
    for path in candidates(folder):
        try:
            form, content = read(path)
        except AnalysisError as fault:
            found.faults.append(str(fault))
            continue
        if form:
            found.files.setdefault(form, []).append(File(path, content))
    found.files["checkpoint"] = last_checkpoints(found.of("checkpoint"))
    return found


def last_checkpoints(files: List[File]) -> List[File]:
    """The newest of each run, and of these none that another one here was grown or trained from: a model's experts
    have those of all its ancestors among them."""
    newest: Dict[Path, File] = {}
    for file in files:
        newest[file.path.parent.parent] = file  # step-00000200 after step-00000100
    parents = {file.content.parent for file in files}
    return [file for file in newest.values()
            if hashlib.sha256(file.path.read_bytes()).hexdigest() not in parents]
