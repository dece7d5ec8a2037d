#!/usr/bin/python3
# analysis/figures/allocation.py - how many experts each layer has, old and new.

import sys
from pathlib import Path
from typing import List, Optional

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import machine  # noqa: E402,F401
import numpy as np  # noqa: E402
from drawing import command, style  # noqa: E402
from drawing.table import Table  # noqa: E402
from inputs.allocation import Allocation, read_allocation  # noqa: E402
from matplotlib.figure import Figure  # noqa: E402
from matplotlib.ticker import MaxNLocator  # noqa: E402

TITLE = "Experts per layer"
HATCHES = ("", "", "", "", "", "", "", "///", "...", "xxx")  # once the colours begin again


def caption(allocation: Allocation) -> str:
    total, old = int(allocation.experts.sum()), int(allocation.experts[0].sum())
    added = [f"{int(row.sum())} by {label}" for label, row in zip(allocation.generations[1:], allocation.experts[1:])]
    more = f", then {', '.join(added)}" if len(added) > 1 else f" and {total - old} new ones" if added else ""
    return f"Experts of each layer: {old} at first{more}, {total} in all."


def figure(allocation: Allocation) -> Figure:
    num_generations, num_layers = allocation.experts.shape
    rows_of_legend = -(-num_generations // 3)
    top = 0.5 + 0.2 * rows_of_legend
    canvas = style.figure(style.WIDTH, top + 2.9)
    axes = style.axes_at(canvas, 0.8, top, style.WIDTH - 1.0, 2.3)
    below = np.zeros(num_layers)
    for g, (label, its) in enumerate(zip(allocation.generations, allocation.experts)):
        axes.bar(np.arange(num_layers), its, bottom=below, width=0.8, color=style.generation_colour(g),
                 hatch=HATCHES[g % len(HATCHES)], edgecolor="white", linewidth=0.6, label=f"{label} ({its.sum()})")
        below += its
    if num_layers <= 36:
        for layer, total in enumerate(below.astype(int)):
            axes.annotate(str(total), (layer, total), (0, 2), textcoords="offset points", ha="center", va="bottom",
                          fontsize=style.FONT - 1.5)
    axes.grid(axis="y")
    style.layer_axis(axes, num_layers)
    axes.set_ylim(0, below.max() * 1.1)
    axes.yaxis.set_major_locator(MaxNLocator(integer=True))
    axes.set_ylabel("experts")
    canvas.legend(*axes.get_legend_handles_labels(), loc="upper left", ncol=3, handlelength=1.4,
                  bbox_to_anchor=(0.01, 1 - 0.36 / canvas.get_figheight()))
    style.title(canvas, TITLE)
    return canvas


def tables(allocation: Allocation) -> List[Table]:
    rows: List[list] = [[layer, *(int(n) for n in column), int(column.sum())]
                        for layer, column in enumerate(allocation.experts.T)]
    rows.append(["all", *(int(n) for n in allocation.experts.sum(axis=1)), int(allocation.experts.sum())])
    return [Table(TITLE, ["layer", *allocation.generations, "experts"], rows)]


def main(arguments: Optional[List[str]] = None) -> int:
    parser = command.parser_of("allocation", "Draws the experts of each layer, generation upon generation.",
                               "manifest.json of a checkpoint, or output of `expand allocate --json`")

    def draw(options):
        allocation = read_allocation(options.input)
        return figure(allocation), tables(allocation)

    return command.run(parser, draw, arguments)


if __name__ == "__main__":
    sys.exit(main())
