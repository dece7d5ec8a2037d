# data/recipes/parquet_rows.py - columns of a Parquet file as Python values, a few rows at a time.

import importlib.util
from pathlib import Path
from typing import Iterator, List, Optional, Sequence, Tuple

from .errors import BadData, MachineError

# Documents held at a time; web pages have some kilobytes each.
BATCH = 256
PAGE_BYTES = 1 << 20
POINTER = b"version https://git-lfs"


def require_pyarrow() -> None:
    """Finds it without loading it: its threads must not begin before the processes that read."""
    if importlib.util.find_spec("pyarrow") is None:
        raise missing("there is none")


def load():
    try:
        import pyarrow
        import pyarrow.parquet
        return pyarrow
    except ImportError as fault:
        raise missing(fault) from fault


def missing(why: object) -> MachineError:
    return MachineError(f"Parquet is read through pyarrow, and this Python cannot load it: {why}\n"
                        "remedy: python3 -m venv venv && venv/bin/pip install pyarrow, then run this with "
                        "venv/bin/python3")


def require_whole(path: Path) -> None:
    with path.open("rb") as stream:
        if stream.read(len(POINTER)) == POINTER:
            raise BadData(f"{path}: is only the pointer to a file of Git LFS\nremedy: `git lfs pull` in the download")


def columns_of(path: Path) -> List[str]:
    pyarrow = load()
    require_whole(path)
    try:
        return pyarrow.parquet.read_schema(path).names
    except (pyarrow.ArrowException, OSError) as fault:
        raise BadData(f"{path}: not a whole Parquet file: {fault}; download it again") from fault


def rows(path: Path, columns: Sequence[str]) -> Iterator[Tuple[Optional[object], ...]]:
    """The values of the columns, row by row. Memory: some pages and a batch, whatever the row groups' size."""
    pyarrow = load()
    there = columns_of(path)
    absent = [column for column in columns if column not in there]
    if absent:
        raise BadData(f"{path}: has no column {', '.join(absent)}; it has {', '.join(there)}")
    try:
        with pyarrow.parquet.ParquetFile(path, pre_buffer=False, buffer_size=PAGE_BYTES) as file:
            for batch in file.iter_batches(batch_size=BATCH, columns=list(columns), use_threads=False):
                yield from zip(*(values(batch.column(name)) for name in columns))
    except (pyarrow.ArrowException, OSError) as fault:
        raise BadData(f"{path}: damaged: {fault}; download it again") from fault


def values(column) -> List[Optional[object]]:
    """None where a text is not UTF-8."""
    try:
        return column.to_pylist()
    except UnicodeDecodeError:
        return [value_or_none(value) for value in column]


def value_or_none(value) -> Optional[object]:
    try:
        return value.as_py()
    except UnicodeDecodeError:
        return None
