# analysis/drawing/command.py - the command line that every figure's script has.

import argparse
import sys
from pathlib import Path
from typing import Callable, List, Optional, Tuple

from matplotlib.figure import Figure

from drawing.style import save
from drawing.table import Table
from inputs.errors import DONE, AnalysisError

EPILOG = "Exit: 0 done, 2 usage, 3 a file that was read is bad, 4 the machine."
Drawn = Tuple[Figure, List[Table]]


def parser_of(name: str, description: str, input_help: str, several: str = "") -> argparse.ArgumentParser:
    """`several`: argparse's nargs where a figure reads more than one file."""
    parser = argparse.ArgumentParser(prog=name, description=description, epilog=EPILOG)
    more = {"nargs": several} if several else {}
    parser.add_argument("input", type=Path, metavar="FILE", help=input_help, **more)
    parser.add_argument("--out", type=Path, metavar="FILE", default=Path(f"{name}.svg"),
                        help="image to write, .svg, .png or .pdf (default: %(default)s)")
    parser.add_argument("--table", action="store_true", help="also print the numbers")
    return parser


def run(parser: argparse.ArgumentParser, draw: Callable[[argparse.Namespace], Drawn],
        arguments: Optional[List[str]]) -> int:
    options = parser.parse_args(arguments)
    try:
        canvas, tables = draw(options)
        save(canvas, options.out)
    except AnalysisError as fault:
        print(f"{parser.prog}: {fault}", file=sys.stderr)
        return fault.code
    if options.table:
        print("\n".join(f"{table.title}\n{table.text()}" for table in tables), end="")
    print(f"{parser.prog}: wrote {options.out}", file=sys.stderr)
    return DONE
