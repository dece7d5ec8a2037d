# data/recipes/languages.py - BCP 47 tags, and the LibreOffice packages that hold each language.

import re
from typing import Dict, List, NamedTuple, Optional

from .apt_packages import Package
from .errors import UsageError

CATALOGUES, HELP = "libreoffice-l10n-", "libreoffice-help-"
# Packages that only depend on others, or hold no text.
NOT_LANGUAGES = {"in", "za", "common", "en-us"}
# A second catalogue inside a package: its tag and name.
SECOND = {"ca": ("ca-valencia", "Valencian"), "sr": ("sr-Latn", "Serbian (Latin)")}
# What else people and packages call a language that is listed under another tag.
ALIASES = {"zh-cn": "zh", "zh-hans": "zh", "zh-hant": "zh-TW", "en-us": "en", "pa": "pa-IN", "no": "nb",
           "kmr-latn": "kmr", "sr-cyrl": "sr"}
# LibreOffice is written in English, so its text is the message ids of a catalogue, and this one has them all.
ENGLISH_IDS, ENGLISH_HELP = CATALOGUES + "en-gb", HELP + "en-us"
MODIFIERS = {"latin": "Latn", "cyrillic": "Cyrl"}


class Language(NamedTuple):
    tag: str
    name: str
    catalogue: Package
    help: Optional[Package]

    def packages(self) -> List[Package]:
        return [self.catalogue] + ([self.help] if self.help else [])


def canonical(tag: str) -> str:
    """zh_CN, zh-cn -> zh; ca@valencia -> ca-valencia; sr@latin -> sr-Latn; pt_BR -> pt-BR."""
    locale, _, modifier = tag.partition("@")
    parts = re.split("[-_]", locale) + ([MODIFIERS.get(modifier, modifier)] if modifier else [])
    styled = [parts[0].lower()] + [styled_subtag(part) for part in parts[1:]]
    tag = "-".join(styled)
    return ALIASES.get(tag.lower(), tag)


def styled_subtag(part: str) -> str:
    if len(part) == 4 and part.isalpha():
        return part.title()
    return part.upper() if len(part) == 2 else part.lower()


def offered(packages: Dict[str, Package]) -> Dict[str, Language]:
    """Every language by tag, English first, the others by tag."""
    found = {}
    for name, package in packages.items():
        suffix = name[len(CATALOGUES) :]
        if not name.startswith(CATALOGUES) or suffix in NOT_LANGUAGES:
            continue
        tag, help_package = canonical(suffix), packages.get(HELP + suffix)
        title = package.description.replace(" language package", "").split(" -- ")[-1].replace("_", " ").capitalize()
        found[tag] = Language(tag, title, package, help_package)
        if suffix in SECOND:
            second_tag, second_title = SECOND[suffix]
            found[second_tag] = Language(second_tag, second_title, package, help_package)
    ordered = dict(sorted(found.items()))
    if ENGLISH_IDS not in packages:
        return ordered
    return {"en": Language("en", "English", packages[ENGLISH_IDS], packages.get(ENGLISH_HELP)), **ordered}


def chosen(tags: List[str], languages: Dict[str, Language]) -> List[Language]:
    """The languages asked for, each once; all unknown tags are named at once."""
    wanted = list(dict.fromkeys(canonical(tag) for tag in tags))
    unknown = [tag for tag in wanted if tag not in languages]
    if unknown:
        raise UsageError(f"no LibreOffice package for: {', '.join(unknown)}\n"
                         "remedy: `--list` shows the languages and their tags")
    return [languages[tag] for tag in wanted]
