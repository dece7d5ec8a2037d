# analysis/inputs/groups.py - which languages share an expert.

from dataclasses import dataclass
from typing import Any, List

from .errors import BadData
from .json_file import field, is_number, items, names


@dataclass
class Groups:
    groups: List[List[str]]
    objective: float  # largest distance within a group


def is_groups(value: Any) -> bool:
    return isinstance(value, dict) and isinstance(value.get("groups"), list) and "objective" in value


def parse_groups(value: Any, where: str) -> Groups:
    given = items(field(value, "groups", where), f"{where}: groups")
    groups = [names(group, f"{where}: groups[{g}]") for g, group in enumerate(given)]
    objective = field(value, "objective", where)
    if not is_number(objective):
        raise BadData(f"{where}: objective must be a number; run `group cluster` again")
    names([language for group in groups for language in group], f"{where}: groups")
    return Groups(groups, float(objective))
