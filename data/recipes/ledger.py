# data/recipes/ledger.py - sources.json and the licence of a folder: which file is from what, and so what is finished.

import json
from pathlib import Path
from typing import Dict, NamedTuple, Optional

from .errors import MachineError
from .output import SOURCES, write_whole


class About(NamedTuple):
    """What is to be passed on with the text."""
    recipe: str
    title: str
    licence: str  # one line, for `isogloss corpus build --licence`
    terms: str    # what the licence file says
    use: str = "training"


class Ledger:
    """Files by their name in the folder. Written whole after each change."""

    def __init__(self, out: Path, about: About) -> None:
        self.out = out
        self.about = about
        self.files: Dict[str, dict] = read(out / SOURCES, about.recipe)

    def drop(self, name: str) -> None:
        (self.out / name).unlink(missing_ok=True)
        self.files.pop(name, None)

    def write(self) -> None:
        self.out.mkdir(parents=True, exist_ok=True)
        facts = {"recipe": self.about.recipe, "title": self.about.title, "licence": self.about.licence,
                 "use": self.about.use, "files": self.files}
        write_whole(self.out / SOURCES, json.dumps(facts, ensure_ascii=False, indent=1, sort_keys=True) + "\n")
        licence = f"{self.about.title}\n\n{self.about.terms.strip()}\n"
        write_whole(self.out / f"LICENCE-{self.about.recipe}.txt", licence)


def is_finished(path: Path, entry: Optional[dict], made_from: str) -> bool:
    """Made from the same by the same recipe, and as long as it was; the content is not read again."""
    return (entry is not None and entry["made_from"] == made_from
            and path.is_file() and path.stat().st_size == entry["bytes"])


def read(path: Path, recipe: str) -> Dict[str, dict]:
    try:
        facts = json.loads(path.read_text(encoding="utf-8"))
        if facts["recipe"] == recipe and all({"made_from", "bytes"} <= set(x) for x in facts["files"].values()):
            return dict(facts["files"])
        raise ValueError(f"it is of {facts['recipe']}")
    except FileNotFoundError:
        return {}
    except (ValueError, KeyError, TypeError, AttributeError) as fault:
        raise MachineError(f"{path}: not a file that {recipe} wrote ({fault}); move it away or choose "
                           "another folder") from fault
