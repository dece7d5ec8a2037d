# data/recipes/libreoffice_text.py - one language's packages to units of clean lines.

import re
from pathlib import Path
from typing import Dict, Iterator, List, NamedTuple, Optional, Tuple

from . import apt_packages, clean, gettext_mo, help_pages, registry_xcd
from .documents import Unit
from .errors import BadData
from .languages import Language, canonical

CATALOGUE = re.compile(r"usr/lib/libreoffice/program/resource/([^/]+)/LC_MESSAGES/([^/]+)\.mo")
REGISTRY = re.compile(r"usr/lib/libreoffice/share/\.registry/res/registry_([^/]+)\.xcd")
HELP_PAGE = re.compile(r"usr/share/libreoffice/help/([^/]+)/text/(.+)\.html")
COPYRIGHT = re.compile(r"usr/share/doc/[^/]+/copyright")
PATTERNS = (HELP_PAGE, CATALOGUE, REGISTRY, COPYRIGHT)


class LanguageText(NamedTuple):
    units: List[Unit]
    copyright: Dict[str, str]  # package name -> its copyright file
    broken: int                # strings and pages that were not UTF-8


def read(language: Language, paths: Dict[str, Path]) -> LanguageText:
    """Help pages first: they are prose, and a limit on the size cuts from the end."""
    units: List[Unit] = []
    licences, broken, seen_tags = {}, 0, set()
    for package in reversed(language.packages()):
        files = sorted(apt_packages.members(paths[package.name], lambda name: match(name) is not None))
        for name, data in files:
            pattern, found = match(name)
            if pattern is COPYRIGHT:
                licences[package.name] = data.decode("utf-8", "replace")
                continue
            seen_tags.add(found.group(1))
            if is_of(language, found.group(1), pattern):
                new, bad = READERS[pattern](data, found, package.label(), english=language.tag == "en")
                units += new
                broken += bad
    if not units:
        raise BadData(f"{language.tag}: no text for it in {', '.join(p.label() for p in language.packages())}; "
                      f"they hold {', '.join(sorted(seen_tags)) or 'no catalogue'}")
    return LanguageText(units, licences, broken)


def match(name: str) -> Optional[Tuple["re.Pattern", "re.Match"]]:
    for pattern in PATTERNS:
        found = pattern.fullmatch(name)
        if found:
            return pattern, found
    return None


def is_of(language: Language, folder: str, pattern: "re.Pattern") -> bool:
    """English has no catalogue of its own: it is the message ids of the British one."""
    if language.tag == "en" and pattern is not HELP_PAGE:
        return pattern is CATALOGUE and canonical(folder) == "en-GB"
    return canonical(folder) == language.tag


def read_help_page(data: bytes, found: "re.Match", source: str, english: bool) -> Tuple[List[Unit], int]:
    del english
    try:
        page = data.decode("utf-8")
    except UnicodeDecodeError:
        return [], 1
    lines = [clean.tidy(paragraph) for paragraph in help_pages.paragraphs(page)]
    folder, _, name = found.group(2).rpartition("/")
    return [Unit("help", folder, name, source, [line for line in lines if clean.is_text(line)])], 0


def read_catalogue(data: bytes, found: "re.Match", source: str, english: bool) -> Tuple[List[Unit], int]:
    """A unit for the messages of one dialog: the part of the context before the bar."""
    messages, broken = gettext_mo.read(data, f"{source}: {found.group(0)}")
    dialogs: Dict[str, List[str]] = {}
    for message in messages:
        lines = dialogs.setdefault(message.context.split("|")[0], [])
        lines += message_lines(message, english)
    return [Unit("messages", found.group(2), name, source, lines) for name, lines in dialogs.items()], broken


def message_lines(message: gettext_mo.Message, english: bool) -> Iterator[str]:
    """Of the message id for English, of every plural form of the translation for the others."""
    for raw in message.ids if english else message.translations:
        yield from filter(clean.is_text, clean.message_lines(raw))


def read_registry(data: bytes, found: "re.Match", source: str, english: bool) -> Tuple[List[Unit], int]:
    del english
    components: Dict[str, List[str]] = {}
    for component, text in registry_xcd.texts(data, f"{source}: {found.group(0)}"):
        lines = components.setdefault(component, [])
        lines += filter(clean.is_text, clean.message_lines(text))
    return [Unit("menus", name, name, source, lines) for name, lines in components.items()], 0


READERS = {HELP_PAGE: read_help_page, CATALOGUE: read_catalogue, REGISTRY: read_registry}
