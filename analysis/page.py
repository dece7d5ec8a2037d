# analysis/page.py - one HTML page that needs nothing but itself.

import base64
from dataclasses import dataclass, field
from html import escape
from typing import List

from drawing.table import Table

STYLE = """
:root { color: #1c2530; background: #f3f5f7; font: 15px/1.5 system-ui, "Segoe UI", "DejaVu Sans", sans-serif; }
body { margin: 0 auto; max-width: 1180px; padding: 1.5rem; }
h1 { font-size: 1.6rem; margin: 0 0 .3rem; } h2 { font-size: 1.2rem; margin: 0 0 .3rem; } h3 { font-size: 1rem; }
nav { display: flex; flex-wrap: wrap; gap: .3rem 1.1rem; margin: .8rem 0 1.4rem; }
a { color: #00598a; } code { font-size: .9em; overflow-wrap: anywhere; }
section { background: white; border: 1px solid #dfe3e8; border-radius: 6px; padding: 1rem 1.2rem; margin: 0 0 1.2rem; }
figure { margin: .6rem 0; overflow-x: auto; } figure img { display: block; max-width: none; }
figcaption { color: #46515d; max-width: 75ch; }
.scroll { overflow: auto; max-height: 36rem; }
details { margin: .5rem 0; } summary { cursor: pointer; color: #00598a; }
table { border-collapse: collapse; font-size: .85rem; font-variant-numeric: tabular-nums; }
th, td { padding: .18rem .6rem; border-bottom: 1px solid #e8ebee; text-align: left; white-space: nowrap; }
th { position: sticky; top: 0; background: white; } .number { text-align: right; }
ul { margin: .3rem 0; padding-left: 1.2rem; }
@media print { :root { background: white; } .scroll { max-height: none; } figure img { max-width: 100%; } }
"""


UNFOLDED = 16  # rows of a table that is shown from the start


@dataclass
class Section:
    """One figure, or none, and the numbers behind it."""

    anchor: str
    title: str
    source: str
    caption: str
    svg: bytes = b""
    tables: List[Table] = field(default_factory=list)


@dataclass
class Page:
    title: str
    sections: List[Section]
    left_out: List[str]
    faults: List[str]

    def html(self) -> str:
        """The same page from the same content: nothing of the time or the machine is in it."""
        links = "".join(f'<a href="#{section.anchor}">{escape(section.title)}</a>' for section in self.sections)
        notes = notes_html("left-out", "Left out", self.left_out)
        notes += notes_html("faults", "Files that are bad", self.faults)
        return (f'<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
                f'<meta name="viewport" content="width=device-width, initial-scale=1">\n'
                f"<title>{escape(self.title)}</title>\n<style>{STYLE}</style>\n</head>\n<body>\n"
                f"<h1>{escape(self.title)}</h1>\n<nav>{links}</nav>\n"
                f"{''.join(section_html(section) for section in self.sections)}{notes}</body>\n</html>\n")


def section_html(section: Section) -> str:
    parts = [f'<section id="{section.anchor}">\n<h2>{escape(section.title)}</h2>\n']
    if section.svg:
        data = base64.b64encode(section.svg).decode("ascii")
        parts.append(f'<figure>\n<img alt="{escape(section.title)}" src="data:image/svg+xml;base64,{data}">\n'
                     f"<figcaption>{escape(section.caption)}</figcaption>\n</figure>\n")
    elif section.caption:
        parts.append(f"<p>{escape(section.caption)}</p>\n")
    parts.append(f"<p>From <code>{escape(section.source)}</code></p>\n")
    parts += [table_html(table, " open" if len(table.rows) <= UNFOLDED else "") for table in section.tables]
    return "".join(parts) + "</section>\n"


def table_html(table: Table, unfolded: str = "") -> str:
    """Numbers are shown rounded; <data> has all their digits."""
    numeric = [any(isinstance(row[c], (int, float)) for row in table.rows) for c in range(len(table.columns))]
    kinds = [' class="number"' if is_number else "" for is_number in numeric]
    head = "".join(f"<th{kind}>{escape(column)}</th>" for kind, column in zip(kinds, table.columns))
    body = "".join(
        "<tr>" + "".join(f"<td{kinds[c]}>{cell_html(table, r, c)}</td>" for c in range(len(kinds))) + "</tr>\n"
        for r in range(len(table.rows)))
    return (f"<details{unfolded}>\n<summary>{escape(table.title)}</summary>\n"
            f'<div class="scroll"><table>\n<thead><tr>{head}</tr></thead>\n<tbody>\n{body}</tbody>\n</table></div>\n'
            "</details>\n")


def cell_html(table: Table, row: int, column: int) -> str:
    value, shown = table.rows[row][column], escape(table.shown(row, column))
    return f'<data value="{value!r}">{shown}</data>' if isinstance(value, float) and shown else shown


def notes_html(anchor: str, title: str, notes: List[str]) -> str:
    if not notes:
        return ""
    items = "".join(f"<li>{escape(note)}</li>\n" for note in notes)
    return f'<section id="{anchor}">\n<h2>{title}</h2>\n<ul>\n{items}</ul>\n</section>\n'
