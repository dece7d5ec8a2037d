# analysis/drawing/table.py - the numbers behind a figure.

import math
from dataclasses import dataclass, field
from typing import List, Optional, Union

Cell = Union[str, int, float, None]


@dataclass
class Table:
    """digits[c]: decimals shown of a column's numbers; None: as they are."""

    title: str
    columns: List[str]
    rows: List[List[Cell]] = field(default_factory=list)
    digits: Optional[List[Optional[int]]] = None

    def shown(self, row: int, column: int) -> str:
        value = self.rows[row][column]
        if value is None or isinstance(value, float) and math.isnan(value):
            return ""
        if isinstance(value, float):
            digits = self.digits[column] if self.digits else None
            return f"{value:.{digits}f}" if digits is not None else f"{value:.4g}"
        return str(value)

    def text(self) -> str:
        """For a terminal: columns padded, numbers to the right."""
        grid = [self.columns] + [[self.shown(r, c) for c in range(len(self.columns))] for r in range(len(self.rows))]
        widths = [max(len(line[c]) for line in grid) for c in range(len(self.columns))]
        right = [any(isinstance(row[c], (int, float)) for row in self.rows) for c in range(len(self.columns))]
        lines = ["  ".join(cell.rjust(width) if numeric else cell.ljust(width)
                           for cell, width, numeric in zip(line, widths, right)).rstrip() for line in grid]
        return "\n".join(lines) + "\n"
