# data/recipes/web_text.py - collections of web pages as their downloads lie on disk: CulturaX, MADLAD-400, FineWeb-2.

import functools
from pathlib import Path
from typing import Callable, Dict, Iterator, List, NamedTuple, Union

from . import json_lines, parquet_rows, tags
from .document_file import Record
from .errors import BadData
from .ledger import About
from .pieces import Piece, Skipped

Read = Callable[[Path, str], Iterator[Union[Record, Skipped]]]
CRAWL_TERMS = """The text is of web pages that Common Crawl collected; the pages' authors keep their rights, and Common
Crawl's terms of use apply (commoncrawl.org/terms-of-use). Changed: normal form C, control characters removed."""


class Source(NamedTuple):
    about: About
    patterns: List[str]      # files in the download; {code} is a folder's name
    aliases: Dict[str, str]  # codes that mean something else here than in ISO 639
    needs_pyarrow: bool
    read: Read


def pieces(source: Source, folder: Path) -> List[Piece]:
    """One file for each of the download's, so that many are made, and later read, side by side."""
    found = []
    for pattern in source.patterns:
        before, _, after = pattern.partition("{code}")
        for path in sorted(folder.glob(before + "*" + after)):
            code = path.relative_to(folder / before).parts[0]
            tag = tags.tag_of(code, source.aliases)
            if tag and not code.endswith("_removed"):
                found.append(piece(source, folder, path, tag))
    if not found:
        raise BadData(f"{folder}: holds no {' and no '.join(source.patterns)}; is it a download of "
                      f"{source.about.title}?")
    return found


def piece(source: Source, folder: Path, path: Path, tag: str) -> Piece:
    name = "/".join(path.relative_to(folder).parts)
    stem = name[: -len("".join(path.suffixes[-2:] if path.suffix == ".gz" else path.suffixes[-1:]))]
    size = path.stat().st_size
    # The name is unique within the language's folder also where two codes share a tag.
    short = "-".join(stem.removeprefix("data/").split("/"))
    return Piece(tag, f"{tag}/{short}", name, size, (name, str(size)), functools.partial(source.read, path, stem))


def read_culturax(path: Path, stem: str) -> Iterator[Union[Record, Skipped]]:
    for number, (text, url) in enumerate(parquet_rows.rows(path, ["text", "url"])):
        yield Record(text, f"{stem}/{number}", url or "CulturaX") if isinstance(text, str) else Skipped("without text")


def read_fineweb2(path: Path, stem: str) -> Iterator[Union[Record, Skipped]]:
    for number, (text, name, url) in enumerate(parquet_rows.rows(path, ["text", "id", "url"])):
        if isinstance(text, str):
            yield Record(text, name or f"{stem}/{number}", url or "FineWeb-2")
        else:
            yield Skipped("without text")


def read_madlad(path: Path, stem: str) -> Iterator[Union[Record, Skipped]]:
    """Its lines end in a backslash and an n inside the text."""
    for number, one in enumerate(json_lines.objects(path)):
        if isinstance(one, Skipped):
            yield one
        elif isinstance(one.get("text"), str):
            yield Record(one["text"].replace("\\n", "\n"), f"{stem}/{number}", "MADLAD-400")
        else:
            yield Skipped("without text")


SOURCES = {
    "culturax": Source(
        About("culturax", "CulturaX (Nguyen et al. 2023, arXiv:2309.09400)", "ODC-BY 1.0 and CC0 1.0",
              "Its parts are mC4, under ODC-BY 1.0, and OSCAR, whose packaging is under CC0 1.0; each record of the\n"
              "download says which it is from.\n\n" + CRAWL_TERMS),
        # Alemannic by the name of its Wikipedia; in ISO 639 the code is Tosk Albanian's.
        ["{code}/*.parquet"], {"als": "gsw"}, True, read_culturax),
    "madlad": Source(
        About("madlad", "MADLAD-400 (Kudugunta et al. 2023, arXiv:2309.04662), its clean part", "ODC-BY 1.0",
              "The collection is under ODC-BY 1.0.\n\n" + CRAWL_TERMS),
        ["data/{code}/*clean*.jsonl.gz", "data-v1p5/{code}/*clean*.jsonl.gz"], {}, False, read_madlad),
    "fineweb2": Source(
        About("fineweb2", "FineWeb-2 (Penedo et al. 2025, arXiv:2506.20920), its train split", "ODC-BY 1.0",
              "The collection is under ODC-BY 1.0.\n\n" + CRAWL_TERMS),
        ["data/{code}/train/*.parquet"], {}, True, read_fineweb2),
}
