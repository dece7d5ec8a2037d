#!/usr/bin/python3
# analysis/figures/forgetting.py - what each stage of a lifelong run did to each language.

import sys
from pathlib import Path
from typing import List, Optional

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import machine  # noqa: E402,F401
import numpy as np  # noqa: E402
from drawing import command, style  # noqa: E402
from drawing.table import Table  # noqa: E402
from inputs.families import language_of  # noqa: E402
from inputs.lifelong import Lifelong, read_lifelong  # noqa: E402
from matplotlib import colormaps  # noqa: E402
from matplotlib.colors import TwoSlopeNorm  # noqa: E402
from matplotlib.figure import Figure  # noqa: E402
from matplotlib.patches import Rectangle  # noqa: E402

TITLE = "Forgetting over the stages"
UNLEARNED = "#eceff2"


def caption(run: Lifelong) -> str:
    return ("Numbers: bits per byte of held-out text after each stage. Colour: change since the stage that learned "
            "the language (framed); orange was forgotten, purple was gained. Grey: not learned yet.")


def largest_change(run: Lifelong) -> float:
    change = run.change
    return max(0.01, float(np.abs(change[np.isfinite(change)]).max(initial=0.0)))


def figure(run: Lifelong) -> Figure:
    num_languages, num_stages = run.bits_per_byte.shape
    height = min(0.34, max(0.17, 12 / num_languages))
    width = min(1.1, max(0.62, 6.5 / num_stages))
    labels = style.text_width(run.languages, style.label_size(height)) + 0.2
    names = [stage.name for stage in run.stages]
    slanted = style.text_width(names, style.FONT) > width
    left, top = max(0.55, labels), 0.65 + (0.71 * style.text_width(names, style.FONT) if slanted else 0)
    beside = style.text_width(names, style.FONT) + 0.35
    tall = num_languages * height
    canvas = style.figure(max(4.6, left + num_stages * width + beside + 0.95), top + max(1.5, tall) + 0.25)
    axes = style.axes_at(canvas, left, top, num_stages * width, tall)
    drawn = draw_cells(axes, run, height)
    label_cells(axes, run, style.label_size(height), slanted)
    if np.nanmax(np.abs(run.change), initial=0) > 0:
        bar_axes = style.axes_at(canvas, left + num_stages * width + beside, top, 0.14, min(2.4, max(1.5, tall)))
        style.colour_bar(canvas, drawn, bar_axes, "change since learned\n(bits per byte)")
    style.title(canvas, TITLE)
    return canvas


def draw_cells(axes, run: Lifelong, height: float):
    largest = largest_change(run)
    colours = colormaps[f"{style.DIVERGING}_r"].copy()
    colours.set_bad(UNLEARNED)
    norm = TwoSlopeNorm(0, -largest, largest)
    change = run.change
    drawn = axes.imshow(np.ma.masked_invalid(change), cmap=colours, norm=norm, aspect="auto")
    for (x, s), value in np.ndenumerate(run.bits_per_byte):
        if np.isfinite(value):
            on_dark = np.isfinite(change[x, s]) and style.dark(colours(norm(change[x, s])))
            ink = "white" if on_dark else style.INK if s >= run.learned[x] else style.FAINT
            axes.text(s, x, f"{value:.3f}", ha="center", va="center", color=ink,
                      fontsize=min(style.FONT - 0.5, style.label_size(height)))
    return drawn


def label_cells(axes, run: Lifelong, size: float, slanted: bool) -> None:
    axes.set_yticks(range(len(run.languages)), run.languages, fontsize=size)
    names = [stage.name for stage in run.stages]
    axes.set_xticks(range(len(names)), names, rotation=45 if slanted else 0, ha="left" if slanted else "center")
    axes.tick_params(length=0, top=False, labeltop=True, bottom=False, labelbottom=False)
    for spine in axes.spines.values():
        spine.set_visible(False)
    for heading, place, side in (("after", -0.55, "right"), ("learned in", len(names) - 0.42, "left")):
        axes.annotate(heading, (place, -0.5), (0, 4), textcoords="offset points", va="bottom", ha=side,
                      annotation_clip=False, color=style.FAINT, fontsize=style.FONT - 0.5)
    for s, name in enumerate(names):
        rows = np.flatnonzero(run.learned == s)
        if len(rows) == 0:
            continue
        if rows[0] > 0:
            axes.axhline(rows[0] - 0.5, color="white", linewidth=3)
        axes.add_patch(Rectangle((s - 0.5, rows[0] - 0.5), 1, len(rows), fill=False, edgecolor=style.INK, linewidth=1,
                                 clip_on=False, zorder=3))
        axes.annotate(name, (len(names) - 0.42, (rows[0] + rows[-1]) / 2), annotation_clip=False, va="center",
                      color=style.FAINT, fontsize=style.FONT - 0.5)


def tables(run: Lifelong) -> List[Table]:
    last = len(run.stages) - 1
    rows = [[language, language_of(language).name, run.stages[run.learned[x]].name,
             *(float(value) for value in run.bits_per_byte[x]),
             float(run.change[x, last]) if run.learned[x] < last else None]
            for x, language in enumerate(run.languages)]
    columns = ["language", "name", "learned in", *(f"after {stage.name}" for stage in run.stages), "forgetting"]
    stages = [[stage.name, ", ".join(stage.languages), stage.new_experts, stage.growth_bytes / 1e6,
               f"{stage.old_experts_kept} of {stage.old_experts}", f"{stage.backbone_kept} of {stage.backbone_tensors}"]
              for stage in run.stages]
    return [Table("Bits per byte after each stage", columns, rows, [None] * 3 + [3] * (len(run.stages) + 1)),
            Table("Stages", ["stage", "languages", "new experts", "MB written by growth", "old experts equal",
                             "backbone tensors equal"], stages, [None, None, None, 1, None, None])]


def main(arguments: Optional[List[str]] = None) -> int:
    parser = command.parser_of("forgetting", "Draws bits per byte of each language after each stage.",
                               "summary.json of a lifelong run")

    def draw(options):
        run = read_lifelong(options.input)
        return figure(run), tables(run)

    return command.run(parser, draw, arguments)


if __name__ == "__main__":
    sys.exit(main())
