# data/recipes/documents.py - cleaned lines to documents: no line twice, none untranslated, none of a foreign script.

from typing import Dict, FrozenSet, Iterable, Iterator, List, NamedTuple, Set

from . import clean

# Pages of the help stand alone unless they are stubs; interface strings of neighbouring dialogs share a
# document until it has a length worth reading.
MIN_CHARACTERS = {"help": 200, "messages": 1500, "menus": 1500}
MAX_LINES = 60
# In a language of another script a line with more Latin letters than this is names, keys or leftover English.
MAX_LATIN_SHARE = 0.6


class Unit(NamedTuple):
    """Lines that belong together: a help page, a dialog, a registry component."""
    kind: str    # help, messages, menus
    folder: str  # only units of one folder share a document
    name: str
    source: str
    lines: List[str]


class Document(NamedTuple):
    id: str
    source: str
    lines: List[str]


def documents(units: List[Unit], english: FrozenSet[str]) -> List[Document]:
    """Documents in the order of the units. `english` holds the lines that count as untranslated."""
    kept = [unit._replace(lines=[x for x in unit.lines if x not in english]) for unit in units]
    share = clean.latin_share(line for unit in kept for line in unit.lines)
    seen: Set[str] = set()
    for index, unit in enumerate(kept):
        kept[index] = unit._replace(lines=list(new_lines(unit.lines, seen, share >= 0.5)))
    return with_unique_ids(grouped(unit for unit in kept if unit.lines))


def new_lines(lines: Iterable[str], seen: Set[str], latin_script: bool) -> Iterator[str]:
    for line in lines:
        if line in seen:
            continue
        seen.add(line)
        if latin_script or clean.latin_share([line]) <= MAX_LATIN_SHARE:
            yield line


def grouped(units: Iterable[Unit]) -> Iterator[Document]:
    """Joins short units of one folder, and splits long interface lists; help pages stay whole."""
    first, lines = None, []
    for unit in units:
        if first and (unit[:2] != first[:2] or is_long(first.kind, lines)):
            yield from pieces(first, lines)
            first, lines = None, []
        first = first or unit
        lines = lines + unit.lines
    if first:
        yield from pieces(first, lines)


def is_long(kind: str, lines: List[str]) -> bool:
    return sum(map(len, lines)) >= MIN_CHARACTERS[kind]


def pieces(first: Unit, lines: List[str]) -> Iterator[Document]:
    step = len(lines) if first.kind == "help" else MAX_LINES
    for begin in range(0, len(lines), step):
        yield Document(f"{first.kind}/{first.folder}/{first.name}", first.source, lines[begin : begin + step])


def with_unique_ids(found: Iterable[Document]) -> List[Document]:
    times: Dict[str, int] = {}
    result = []
    for document in found:
        times[document.id] = times.get(document.id, 0) + 1
        number = times[document.id]
        result.append(document if number == 1 else document._replace(id=f"{document.id}-{number}"))
    return result
