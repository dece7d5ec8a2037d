# data/recipes/output.py - what a recipe leaves behind: jsonl files, sources.json, the licence file; each whole or absent.

import hashlib
import json
import os
from pathlib import Path
from typing import Dict, Iterable, List, Optional

from .documents import Document
from .errors import MachineError

SOURCES, LICENCE = "sources.json", "LICENCE-libreoffice.txt"


def write_whole(path: Path, text: str) -> None:
    """A reader sees the old file or the new one, never a part."""
    partial = path.with_name(path.name + ".partial")
    with partial.open("w", encoding="utf-8", newline="\n") as stream:
        stream.write(text)
        stream.flush()
        os.fsync(stream.fileno())
    os.replace(partial, path)


def write_documents(path: Path, documents: Iterable[Document], max_bytes: Optional[int]) -> Dict[str, object]:
    """Writes one JSON object a line; stops before the document that would pass `max_bytes` of text."""
    rows: List[str] = []
    num_bytes = num_lines = 0
    for document in documents:
        text = "\n".join(document.lines)
        size = len(text.encode("utf-8"))
        if max_bytes is not None and num_bytes + size > max_bytes:
            break
        num_bytes += size
        num_lines += len(document.lines)
        rows.append(json.dumps({"text": text, "id": document.id, "source": document.source}, ensure_ascii=False))
    content = "".join(row + "\n" for row in rows)
    write_whole(path, content)
    return {"bytes_of_text": num_bytes, "documents": len(rows), "lines": num_lines,
            "sha256": hashlib.sha256(content.encode("utf-8")).hexdigest()}


def read_sources(out: Path) -> Dict[str, dict]:
    path = out / SOURCES
    try:
        sources = json.loads(path.read_text(encoding="utf-8"))
        return {"languages": dict(sources["languages"]), "copyright": dict(sources["copyright"])}
    except FileNotFoundError:
        return {"languages": {}, "copyright": {}}
    except (ValueError, KeyError, TypeError) as fault:
        raise MachineError(f"{path}: not a file that this recipe wrote ({fault}); move it away or choose "
                           "another folder") from fault


def write_sources(out: Path, sources: Dict[str, dict]) -> None:
    used = {p["copyright"] for entry in sources["languages"].values() for p in entry["packages"]}
    kept = {"languages": sources["languages"],
            "copyright": {digest: text for digest, text in sources["copyright"].items() if digest in used}}
    write_whole(out / SOURCES, json.dumps(kept, ensure_ascii=False, indent=1, sort_keys=True) + "\n")
    write_whole(out / LICENCE, licence(kept))


def licence(sources: Dict[str, dict]) -> str:
    """Which packages the text is from, then each distinct copyright file of theirs."""
    labels: Dict[str, set] = {}
    for entry in sources["languages"].values():
        for package in entry["packages"]:
            labels.setdefault(package["copyright"], set()).add(f"{package['package']} {package['version']}")
    parts = ["The text in this folder is made from translations and help pages of LibreOffice, taken from Debian\n"
             "packages. Markup, placeholders, repeated and untranslated lines were removed; nothing was added.\n"
             "It may be passed on under the terms that the packages' copyright files give, which follow.\n"]
    for digest in sorted(labels):
        packages = "\n".join(f"  {label}" for label in sorted(labels[digest]))
        parts.append(f"{'=' * 78}\nPackages:\n{packages}\n\nTheir file usr/share/doc/PACKAGE/copyright:\n\n"
                     f"{sources['copyright'][digest].rstrip()}\n")
    return "\n".join(parts)
