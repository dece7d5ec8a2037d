# data/recipes/udhr_text.py - the Universal Declaration of Human Rights as "UDHR in Unicode" has it: XML, or plain text.

import functools
import re
from pathlib import Path
from typing import Dict, Iterator, List, NamedTuple
from xml.etree.ElementTree import Element

from . import clean, safe_xml, tags
from .document_file import Record
from .errors import BadData
from .pieces import Piece

# Of the index: converted to Unicode in full, to be reviewed (4) or reviewed (5).
COMPLETE = 4
MAX_BYTES = 4 << 20


class Version(NamedTuple):
    """One translation, or one spelling of it."""
    key: str   # deu_1901
    tag: str
    name: str
    path: Path


def pieces(folder: Path) -> List[Piece]:
    """One file a tag. Versions that differ in spelling, or in nothing that a tag says, share it."""
    by_tag: Dict[str, List[Version]] = {}
    for version in versions(folder):
        by_tag.setdefault(version.tag, []).append(version)
    return [piece(tag, found) for tag, found in sorted(by_tag.items())]


def piece(tag: str, found: List[Version]) -> Piece:
    sizes = [version.path.stat().st_size for version in found]
    facts = [f"{version.key} {version.path.name} {size}" for version, size in zip(found, sizes)]
    return Piece(tag, tag, " ".join(version.path.name for version in found), sum(sizes), tuple(facts),
                 functools.partial(records, found))


def versions(folder: Path) -> List[Version]:
    """Those of the index that are complete, in a known language, and there."""
    index = folder / "index.xml"
    if not index.is_file():
        raise BadData(f"{folder}: has no index.xml, which says the languages of the files\n"
                      "remedy: take it from the XML download of UDHR in Unicode and put it beside them")
    entries = [one for one in safe_xml.parse(read(index), str(index)).iter() if local_name(one) == "udhr"]
    found = []
    for entry in sorted(entries, key=lambda entry: entry.get("f", "")):
        tag = tags.without_variants(tags.tag_of(code_of(entry)))
        path = path_of(folder, entry.get("f", ""))
        if tag and path and entry.get("stage", "0").isdigit() and int(entry.get("stage", "0")) >= COMPLETE:
            found.append(Version(entry.get("f", ""), tag, entry.get("n", ""), path))
    if not found:
        raise BadData(f"{folder}: of {len(entries)} translations in index.xml there is no file udhr_KEY.xml or .txt")
    return found


def code_of(entry: Element) -> str:
    """The index leaves out a script that it takes for the usual one; ours may be another."""
    language, *others = entry.get("bcp47", "").split("-")
    is_said = any(len(subtag) == 4 and subtag.isalpha() for subtag in others)
    script = "" if is_said or language not in tags.by_code() else entry.get("iso15924", "")
    return "-".join(filter(None, [language, script, *others]))


def path_of(folder: Path, key: str):
    """XML first: it says where articles begin. The key is from a file, so it must not lead elsewhere."""
    if not re.fullmatch(r"\w+", key):
        return None
    names = (folder / f"udhr_{key}{suffix}" for suffix in (".xml", ".txt"))
    return next((path for path in names if path.is_file()), None)


def read(path: Path) -> bytes:
    if path.stat().st_size > MAX_BYTES:
        raise BadData(f"{path}: has {path.stat().st_size} bytes, more than the {MAX_BYTES} that such a file may have")
    return path.read_bytes()


def records(found: List[Version]) -> Iterator[Record]:
    for version in found:
        yield from (of_xml if version.path.suffix == ".xml" else of_text)(version)


def of_xml(version: Version) -> Iterator[Record]:
    """The preamble with the title before it, then each article."""
    root = safe_xml.parse(read(version.path), str(version.path))
    title = [line for child in root if local_name(child) == "title" for line in lines_of(child)]
    for part in root:
        name = local_name(part)
        if name not in ("preamble", "article"):
            continue
        lines = (title if name == "preamble" else []) + lines_of(part)
        number = f"article-{part.get('number', '')}".rstrip("-") if name == "article" else name
        if lines:
            yield Record("\n".join(lines), f"{version.key}/{number}", f"UDHR, {version.name}")


def lines_of(part: Element) -> List[str]:
    """Headings and paragraphs, also those in lists; notes of the editors are none of the text."""
    if local_name(part) in ("title", "para"):
        line = clean.tidy("".join(part.itertext()))
        return [line] if line else []
    return [line for child in part if local_name(child) != "note" for line in lines_of(child)]


def of_text(version: Version) -> Iterator[Record]:
    """All of it: the articles cannot be told apart. Above the first line of dashes is the editors' notice."""
    try:
        lines = read(version.path).decode("utf-8-sig").splitlines()
    except UnicodeDecodeError as fault:
        raise BadData(f"{version.path}: not UTF-8 at byte {fault.start}; fetch it again") from fault
    begin = next((number + 1 for number, line in enumerate(lines) if line.strip() == "---"), None)
    if begin is None:
        raise BadData(f"{version.path}: has no line --- between the notice and the text; is it a file of "
                      "UDHR in Unicode?")
    text = "\n".join(filter(None, map(clean.tidy, lines[begin:])))
    if text:
        yield Record(text, f"{version.key}/whole", f"UDHR, {version.name}")


def local_name(element: Element) -> str:
    return element.tag.rpartition("}")[2]
