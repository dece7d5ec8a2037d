# data/recipes/tags.py - the BCP 47 tag for a language's code in another collection, by data/languages.tsv.

import csv
import re
from functools import lru_cache
from pathlib import Path
from typing import Dict, List, Mapping, NamedTuple, Optional, Tuple

from .errors import UsageError

TABLE = Path(__file__).resolve().parents[1] / "languages.tsv"
# Codes that ISO has withdrawn or that name a group, and what text under them is in.
OLD_CODES = {"iw": "he", "in": "id", "ji": "yi", "jw": "jv", "mo": "ro", "bh": "bho", "eml": "egl"}
# Han characters of any kind are the usual script of a Chinese language; Hangul is that of Korean.
SAME_SCRIPT = {"Hani": ("Hans", "Hant"), "Hang": ("Kore",)}
USUAL_REGION = {"zh-CN": "zh"}
UNKNOWN = ("und", "mul", "mis", "zxx")


class Language(NamedTuple):
    tag: str
    iso639_3: Tuple[str, ...]
    name: str
    family: str
    genus: str
    script: str


@lru_cache(maxsize=None)
def table() -> Dict[str, Language]:
    """The rows of data/languages.tsv by tag."""
    with TABLE.open(encoding="utf-8", newline="") as stream:
        return {row["tag"]: Language(row["tag"], tuple(row["iso639_3"].split(",")), row["name"], row["family"],
                                     row["genus"], row["script"])
                for row in csv.DictReader(stream, delimiter="\t")}


@lru_cache(maxsize=None)
def by_code() -> Dict[str, Language]:
    """Each language in its usual script, by tag and by each ISO 639-3 code."""
    languages = [language for language in table().values() if "-" not in language.tag]
    return {code: language for language in languages for code in (language.tag, *language.iso639_3)}


def tag_of(code: str, aliases: Optional[Mapping[str, str]] = None) -> str:
    """ell_Grek -> el, aze-Latn -> az, uz_Cyrl -> uz-Cyrl, zho-TW -> zh-TW; "" for an undetermined language.

    The usual script is left out. A language that the table lacks keeps its code and its script."""
    subtags = re.split("[-_@]", code)
    primary = subtags[0].lower()
    primary = (aliases or {}).get(primary) or OLD_CODES.get(primary, primary)
    if primary in UNKNOWN or not re.fullmatch("[a-z]{2,3}", primary):
        return ""
    known = by_code().get(primary)
    tag = known.tag if known else primary
    for subtag in map(styled, subtags[1:]):
        if not (known and is_usual(subtag, known.script)):
            tag += "-" + subtag
    return USUAL_REGION.get(tag, tag)


def styled(subtag: str) -> str:
    if len(subtag) == 4 and subtag.isalpha():
        return subtag.title()
    return subtag.upper() if len(subtag) == 2 else subtag.lower()


def is_usual(subtag: str, script: str) -> bool:
    return subtag == script or script in SAME_SCRIPT.get(subtag, ())


def without_variants(tag: str) -> str:
    """de-1901 -> de, ca-valencia -> ca; script and region stay."""
    return "-".join(subtag for subtag in tag.split("-") if re.fullmatch("[A-Za-z]{2,4}|[0-9]{3}", subtag))


def name_of(tag: str) -> str:
    language = table().get(tag) or by_code().get(tag.split("-")[0])
    return language.name if language else ""


def chosen(wanted: List[str], offered: List[str]) -> List[str]:
    """Of the offered tags those asked for, each once; all that are not offered are named at once."""
    tags = list(dict.fromkeys(tag_of(tag) for tag in wanted))
    missing = [given for given in wanted if tag_of(given) not in offered]
    if missing:
        raise UsageError(f"no text for: {', '.join(missing)}\nremedy: `--list` shows the languages and their tags")
    return tags
