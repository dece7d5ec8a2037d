# data/recipes/table_text.py - documents from two columns of any Parquet file.

from pathlib import Path
from typing import Iterator, Optional, Union

from . import parquet_rows
from .document_file import Record
from .pieces import Skipped


def read(path: Path, column: str, id_column: Optional[str]) -> Iterator[Union[Record, Skipped]]:
    columns = [column] + ([id_column] if id_column else [])
    for number, values in enumerate(parquet_rows.rows(path, columns)):
        name = str(values[1]) if id_column and values[1] is not None else f"{path.stem}/{number}"
        if isinstance(values[0], str):
            yield Record(values[0], name, path.name)
        else:
            yield Skipped("without text")
