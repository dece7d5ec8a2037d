# analysis/inputs/json_file.py - JSON from a file, believed only after it was checked.

import json
import math
from pathlib import Path
from typing import Any, Dict, List, Optional

import numpy as np

from .errors import BadData

MAX_BYTES = 256 << 20  # a manifest of 100,000 tensors has 30 MB; more is no file of ours

LARGEST = 1e30  # of the numbers that are read: sums and squares stay finite


def read_text(path: Path) -> str:
    """The text of a file of reasonable size."""
    try:
        size = path.stat().st_size
        if size > MAX_BYTES:
            raise BadData(f"{path}: {size} bytes, more than the {MAX_BYTES} that are read; is it the right file?")
        return path.read_text(encoding="utf-8")
    except OSError as fault:
        raise BadData(f"{path}: cannot be read ({fault.strerror}); check the name") from fault
    except UnicodeDecodeError as fault:
        raise BadData(f"{path}: not UTF-8 at byte {fault.start}; is it the right file?") from fault


def parse(text: str, where: str) -> Any:
    def refuse(constant: str) -> None:
        raise ValueError(f"{constant} is no number of JSON")

    try:
        return json.loads(text, parse_constant=refuse)
    except (ValueError, RecursionError) as fault:
        raise BadData(f"{where}: not valid JSON ({fault}); write it again") from fault


def read_json(path: Path) -> Any:
    return parse(read_text(path), str(path))


def is_number(value: Any) -> bool:
    """Whether it is one that can be drawn."""
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return False
    try:
        return abs(float(value)) <= LARGEST
    except OverflowError:
        return False


def field(value: Any, key: str, where: str) -> Any:
    if not isinstance(value, dict) or key not in value:
        raise BadData(f"{where}: has no \"{key}\"; is it the right file?")
    return value[key]


def items(value: Any, where: str) -> List[Any]:
    """A list that is not empty."""
    if not isinstance(value, list) or not value:
        raise BadData(f"{where}: must be a list with something in it; write the file again")
    return value


def numbers(value: Any, where: str, length: Optional[int] = None) -> np.ndarray:
    """A list of usable numbers, of `length` if that is given."""
    items(value, where)
    if length is not None and len(value) != length:
        raise BadData(f"{where}: has {len(value)} numbers, {length} were expected; write the file again")
    for i, number in enumerate(value):
        if not is_number(number):
            raise BadData(f"{where}[{i}]: {json.dumps(number)[:40]} is not a number up to {LARGEST:g}")
    return np.array(value, dtype=np.float64)


def counts(value: Any, where: str, least: int = 0) -> np.ndarray:
    """A list of whole numbers, none below `least`."""
    array = numbers(value, where)
    for i, number in enumerate(value):
        if not isinstance(number, int) or not least <= number < 1 << 31:
            raise BadData(f"{where}[{i}]: {number} is not a whole number from {least} on")
    return array.astype(np.int64)


def whole(value: Any, where: str, least: int = 0) -> int:
    return int(counts([value], where, least)[0])


def text(value: Any, where: str) -> str:
    if not isinstance(value, str) or not value or len(value) > 200 or not value.isprintable():
        raise BadData(f"{where}: {json.dumps(value)[:40]} is not a name")
    return value


def names(value: Any, where: str) -> List[str]:
    """A list of distinct names."""
    found = [text(name, f"{where}[{i}]") for i, name in enumerate(items(value, where))]
    twice = sorted({name for name in found if found.count(name) > 1})
    if twice:
        raise BadData(f"{where}: {', '.join(twice)} stands there more than once")
    return found


def scores(value: Any, where: str) -> Dict[str, float]:
    """name -> number; null, which is how JSON says that there is none, becomes not-a-number."""
    if not isinstance(value, dict):
        raise BadData(f"{where}: must be an object of numbers")
    found = {}
    for name, number in value.items():
        text(name, where)
        if number is not None and not is_number(number):
            raise BadData(f"{where}.{name}: {json.dumps(number)[:40]} is not a number up to {LARGEST:g}")
        found[name] = math.nan if number is None else float(number)
    return found
