# analysis/inputs/families.py - name, family, genus and script of a language tag.

import csv
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Dict

TABLE = Path(__file__).resolve().parents[2] / "data" / "languages.tsv"
UNKNOWN = "unknown"
# Where a region says the script.
SCRIPT_OF_REGION = {("zh", "TW"): "Hant", ("zh", "HK"): "Hant", ("zh", "MO"): "Hant"}


@dataclass(frozen=True)
class Language:
    tag: str
    name: str = UNKNOWN
    family: str = UNKNOWN
    genus: str = ""
    script: str = ""

    @property
    def lineage(self) -> str:
        """"Slavic, Indo-European"; the family alone where the genus is called the same."""
        return self.family if self.genus in ("", self.family) else f"{self.genus}, {self.family}"


@lru_cache(maxsize=None)
def table() -> Dict[str, Language]:
    """Languages in their usual script, by BCP 47 primary subtag and by each ISO 639-3 code."""
    found = {}
    with TABLE.open(encoding="utf-8", newline="") as stream:
        for row in csv.DictReader(stream, delimiter="\t"):
            if "-" in row["tag"]:
                continue
            language = Language(row["tag"], row["name"], row["family"], row["genus"], row["script"])
            for code in [row["tag"], *row["iso639_3"].split(",")]:
                found[code] = language
    return found


def language_of(tag: str) -> Language:
    """Of "pt-BR" or "por_Latn" as of "pt"; a script in the tag goes over the usual one."""
    subtags = tag.replace("_", "-").split("-")
    known = table().get(subtags[0].lower())
    if known is None:
        return Language(tag)
    said = [s.title() for s in subtags[1:] if len(s) == 4 and s.isalpha()]
    said += [SCRIPT_OF_REGION[known.tag, s] for s in subtags[1:] if (known.tag, s) in SCRIPT_OF_REGION]
    script = said[0] if said else known.script
    return Language(tag, known.name, known.family, known.genus, script)
