# data/recipes/json_lines.py - objects of a .jsonl.gz file, a line at a time.

import gzip
import json
import zlib
from pathlib import Path
from typing import BinaryIO, Iterator, Optional, Union

from .errors import BadData
from .parquet_rows import require_whole
from .pieces import Skipped

MAX_LINE = 64 << 20


def objects(path: Path) -> Iterator[Union[dict, Skipped]]:
    require_whole(path)
    try:
        with gzip.open(path, "rb") as stream:
            for line in lines(stream):
                yield Skipped("too long") if line is None else parsed(line)
    except (EOFError, gzip.BadGzipFile, zlib.error) as fault:
        raise BadData(f"{path}: damaged or cut short: {fault}; download it again") from fault


def lines(stream: BinaryIO) -> Iterator[Optional[bytes]]:
    """None for a line that is longer than MAX_LINE, which is not kept."""
    while True:
        line = stream.readline(MAX_LINE)
        if not line:
            return
        is_cut = len(line) == MAX_LINE and not line.endswith(b"\n")
        rest = line
        while is_cut and rest and not rest.endswith(b"\n"):
            rest = stream.readline(MAX_LINE)
        yield None if is_cut else line


def parsed(line: bytes) -> Union[dict, Skipped]:
    try:
        value = json.loads(line)
    except UnicodeDecodeError:
        return Skipped("not UTF-8")
    except ValueError:
        return Skipped("not JSON")
    return value if isinstance(value, dict) else Skipped("not an object")
