# data/recipes/ntrex_text.py - NTREX-128, a test set of translated news: sentences joined to documents by their ids.

import functools
import re
from pathlib import Path
from typing import Dict, Iterator, List

from . import tags
from .document_file import Record
from .errors import BadData
from .pieces import Piece

FILE = re.compile(r"newstest2019-(?:ref|src)\.([A-Za-z-]+)\.txt")
# What the data set calls Tachelhit is in Arabic script.
ALIASES = {"shi": "shi-Arab"}
MAX_BYTES = 64 << 20


def pieces(folder: Path) -> List[Piece]:
    """One file a language. The second Spanish reference (ref-2) is left out."""
    ids_path = folder / "DOCUMENT_IDS.tsv"
    if not ids_path.is_file():
        raise BadData(f"{folder}: has no DOCUMENT_IDS.tsv\nremedy: give the folder of a whole clone of NTREX")
    found = []
    for path in sorted((folder / "NTREX-128").glob("newstest2019-*.txt")):
        match = FILE.fullmatch(path.name)
        if match:
            tag = tags.tag_of(ALIASES.get(match.group(1), match.group(1)))
            facts = tuple(f"{each.name} {each.stat().st_size}" for each in (path, ids_path))
            found.append(Piece(tag, tag, path.name, path.stat().st_size, facts,
                               functools.partial(records, path, ids_path)))
    if not found:
        raise BadData(f"{folder}: has no NTREX-128/newstest2019-ref.CODE.txt; is it a clone of NTREX?")
    return found


def records(path: Path, ids_path: Path) -> Iterator[Record]:
    """One a document, in the order in which they begin; the same ids in every language."""
    sentences, ids = lines_of(path), lines_of(ids_path)
    if len(sentences) != len(ids):
        raise BadData(f"{path}: has {len(sentences)} lines and {ids_path.name} has {len(ids)}: they do not belong "
                      "together; fetch both again")
    documents: Dict[str, List[str]] = {}
    for name, sentence in zip(ids, sentences):
        documents.setdefault(name.strip(), []).append(" ".join(sentence.split()))
    for name, lines in documents.items():
        yield Record("\n".join(filter(None, lines)), name, "NTREX-128")


def lines_of(path: Path) -> List[str]:
    if path.stat().st_size > MAX_BYTES:
        raise BadData(f"{path}: has {path.stat().st_size} bytes, more than the {MAX_BYTES} that such a file may have")
    try:
        return path.read_bytes().decode("utf-8-sig").replace("\r\n", "\n").removesuffix("\n").split("\n")
    except UnicodeDecodeError as fault:
        raise BadData(f"{path}: not UTF-8 at byte {fault.start}; fetch it again") from fault
