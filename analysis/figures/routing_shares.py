#!/usr/bin/python3
# analysis/figures/routing_shares.py - which experts each language's tokens go to, before and after.

import sys
from pathlib import Path
from typing import Dict, List, Optional, Sequence, Tuple

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import machine  # noqa: E402,F401
import numpy as np  # noqa: E402
from drawing import command, style  # noqa: E402
from drawing.table import Table  # noqa: E402
from inputs.errors import UsageError  # noqa: E402
from inputs.families import language_of  # noqa: E402
from inputs.shares import LayerShares, Shares, read_shares  # noqa: E402
from matplotlib import colormaps  # noqa: E402
from matplotlib.colors import Normalize  # noqa: E402
from matplotlib.figure import Figure  # noqa: E402
from matplotlib.patches import Patch, Rectangle  # noqa: E402

TITLE = "Routing shares"
ABSENT = "#eceff2"
PAGE_WIDTH, WIDE_PAGE, PAGE_HEIGHT = 9.4, 15.0, 14.0  # inches that panels may take; wide where languages are many
BETWEEN, BESIDE = 0.1, 0.3  # inches between panels of a layer, and between layers
MANY = 40  # languages
ABOVE, BELOW = 0.55, 0.4  # inches of headings over a row of panels, and of its axis
MAX_ROWS = 4000  # of a table
Named = Tuple[str, Shares]  # "before", "after" or what else it is called


def caption(named: Sequence[Named], layers: Sequence[int]) -> str:
    total = len(layers_of(named))
    some = (f" Drawn: layers {', '.join(map(str, layers))} of the {total} that have a router."
            if len(layers) < total else "")
    return ("Percent of the choices of each language's tokens that fall on each expert; a row sums to 100. The bar "
            f"over a panel says by which growth an expert came.{some}")


def layers_of(named: Sequence[Named]) -> List[int]:
    return sorted({layer.layer for _, shares in named for layer in shares.layers})


def languages_of(named: Sequence[Named]) -> List[str]:
    """As the files have them; if they are many, families together."""
    found = list(dict.fromkeys(language for _, shares in named for language in shares.languages))
    if len(found) <= MANY:
        return found
    return sorted(found, key=lambda tag: (language_of(tag).family, language_of(tag).genus, tag))


def panels_of(named: Sequence[Named], layer: int) -> List[Tuple[str, LayerShares]]:
    return [(name, its) for name, shares in named for its in shares.layers if its.layer == layer]


def cell_size(named: Sequence[Named]) -> Tuple[float, float]:
    """Width and height in inches: large enough to be read, small where there are many."""
    widest = max(sum(len(its.generation) for _, its in panels_of(named, layer)) for layer in layers_of(named))
    num = len(languages_of(named))
    return min(0.34, max(0.13, (8.0 if num <= MANY else 4.5) / widest)), min(0.26, max(0.115, 6.0 / num))


def group_width(named: Sequence[Named], layer: int) -> float:
    panels = panels_of(named, layer)
    return sum(len(its.generation) for _, its in panels) * cell_size(named)[0] + BETWEEN * (len(panels) - 1)


def rows_of_layers(named: Sequence[Named], layers: Sequence[int]) -> List[List[int]]:
    """Layers side by side while the page is wide enough."""
    page = PAGE_WIDTH if len(languages_of(named)) <= MANY else WIDE_PAGE
    rows: List[List[int]] = [[]]
    used = 0.0
    for layer in layers:
        width = group_width(named, layer) + BESIDE
        if rows[-1] and used + width > page:
            rows.append([])
            used = 0.0
        rows[-1].append(layer)
        used += width
    return rows


def height_of(named: Sequence[Named], rows: int) -> float:
    return rows * (ABOVE + len(languages_of(named)) * cell_size(named)[1] + BELOW)


def chosen_layers(named: Sequence[Named]) -> List[int]:
    """All layers if the page holds them, else as many as it holds, evenly spaced from first to last."""
    every = layers_of(named)
    for count in range(len(every), 1, -1):
        some = [every[round(i * (len(every) - 1) / (count - 1))] for i in range(count)]
        rows = len(rows_of_layers(named, some))
        if rows == 1 or height_of(named, rows) <= PAGE_HEIGHT:
            return some
    return every[-1:]


def figure(named: Sequence[Named], layers: Optional[Sequence[int]] = None) -> Figure:
    layers = layers or chosen_layers(named)
    languages, (width, height) = languages_of(named), cell_size(named)
    rows = rows_of_layers(named, layers)
    size = style.label_size(height)
    left, top = style.text_width(languages, size) + 0.3, 0.6
    across = max(sum(group_width(named, layer) + BESIDE for layer in row) for row in rows)
    canvas = style.figure(max(4.8, left + across + 0.8), max(2.6, top + height_of(named, len(rows)) + 0.15))
    scale = Normalize(0, 100 * max(row.max() for _, shares in named for its in shares.layers
                                   for row in its.share.values()))
    drawn = None
    for r, row in enumerate(rows):
        x = left
        for layer in row:
            y = top + height_of(named, r) + ABOVE
            canvas.text(x / canvas.get_figwidth(), 1 - (y - 0.31) / canvas.get_figheight(), f"layer {layer}",
                        fontweight="bold", va="bottom")
            for p, (name, its) in enumerate(panels_of(named, layer)):
                axes = style.axes_at(canvas, x, y, len(its.generation) * width, len(languages) * height)
                drawn = draw_panel(axes, its, languages, scale, (width, height))
                axes.set_title(name if len(named) > 1 else "", fontsize=style.FONT - 1.5, fontweight="normal",
                               color=style.FAINT, pad=7)
                axes.set_yticks(range(len(languages)), languages if x == left else [], fontsize=size)
                axes.set_xlabel("expert" if x == left else "", fontsize=style.FONT - 1.5, loc="left", labelpad=1)
                x += len(its.generation) * width + (BETWEEN if p + 1 < len(panels_of(named, layer)) else BESIDE)
    bar = style.axes_at(canvas, left + across, top + ABOVE, 0.14, min(2.0, max(1.2, len(languages) * height)))
    style.colour_bar(canvas, drawn, bar, "percent of choices")
    legend(canvas, named)
    style.title(canvas, TITLE)
    return canvas


def draw_panel(axes, its: LayerShares, languages: Sequence[str], scale: Normalize, cell: Tuple[float, float]):
    nothing = np.full(len(its.generation), np.nan)
    array = np.ma.masked_invalid([100 * its.share.get(language, nothing) for language in languages])
    colours = colormaps[style.SEQUENTIAL].copy()
    colours.set_bad(ABSENT)
    drawn = axes.imshow(array, cmap=colours, norm=scale, aspect="auto", interpolation="nearest")
    if cell[0] >= 0.24 and cell[1] >= 0.15:
        for (row, expert), value in np.ndenumerate(array.filled(np.nan)):
            if np.isfinite(value):
                ink = "white" if style.dark(colours(scale(value))) else style.INK
                axes.text(expert, row, f"{value:.0f}", ha="center", va="center", color=ink,
                          fontsize=min(style.FONT - 1.5, style.label_size(cell[1])))
    step = 1 if cell[0] >= 0.2 else 2 if cell[0] >= 0.16 else 4
    axes.set_xticks(range(0, len(its.generation), step))
    axes.tick_params(length=0, pad=2, labelsize=style.FONT - 2)
    for spine in axes.spines.values():
        spine.set_visible(False)
    for expert, generation in enumerate(its.generation):
        axes.add_patch(Rectangle((expert - 0.5, -0.5 - 0.08 / cell[1]), 1, 0.06 / cell[1], clip_on=False, linewidth=0,
                                 color=style.generation_colour(int(generation))))
        if expert and generation != its.generation[expert - 1]:
            axes.axvline(expert - 0.5, color="white", linewidth=2)
    return drawn


def legend(canvas: Figure, named: Sequence[Named]) -> None:
    present = sorted({int(g) for _, shares in named for its in shares.layers for g in its.generation})
    patches = [Patch(color=style.generation_colour(g), label="base" if g == 0 else f"growth {g}") for g in present]
    canvas.legend(handles=patches, loc="upper left", ncol=len(patches), handlelength=1.2, handleheight=0.5,
                  columnspacing=1.2, bbox_to_anchor=(0.05 / canvas.get_figwidth(), 1 - 0.36 / canvas.get_figheight()),
                  borderaxespad=0)


def mean_shares(shares: Shares, language: str) -> Dict[int, float]:
    """generation -> share of the language's choices, mean over the layers that have the language."""
    layers = [its for its in shares.layers if language in its.share]
    present = sorted({int(g) for its in shares.layers for g in its.generation})
    return {g: float(np.mean([its.share[language][its.generation == g].sum() for its in layers])) for g in present
            } if layers else {}


def tables(named: Sequence[Named]) -> List[Table]:
    found = [generation_table(named)]
    if len(layers_of(named)) * len(languages_of(named)) <= MAX_ROWS:
        found.append(expert_table(named))
    return found


def generation_table(named: Sequence[Named]) -> Table:
    columns, cells = ["language", "name"], []
    for name, shares in named:
        prefix = f"{name}: " if len(named) > 1 else ""
        present = sorted({int(g) for its in shares.layers for g in its.generation})
        columns += [prefix + ("base" if g == 0 else f"growth {g}") for g in present]
        classified = any(its.class_zero for its in shares.layers)
        columns += [f"{prefix}class 0"] if classified else []
        cells.append((shares, present, classified))
    rows = []
    for language in languages_of(named):
        row: List[object] = [language, language_of(language).name]
        for shares, present, classified in cells:
            means = mean_shares(shares, language)
            row += [100 * means[g] if g in means else None for g in present]
            zero = [its.class_zero[language] for its in shares.layers if language in its.class_zero]
            row += [100 * float(np.mean(zero)) if zero else None] if classified else []
        rows.append(row)
    return Table("Percent of choices, by the growth that an expert came from; mean over layers", columns, rows,
                 [None, None] + [1] * (len(columns) - 2))


def expert_table(named: Sequence[Named]) -> Table:
    most = max(len(its.generation) for _, shares in named for its in shares.layers)
    rows = []
    for layer in layers_of(named):
        for language in languages_of(named):
            for name, its in panels_of(named, layer):
                if language in its.share:
                    shown = [100 * float(share) for share in its.share[language]]
                    rows.append([layer, language, name, *shown, *[None] * (most - len(shown))])
    return Table("Percent of choices, by layer, language and expert",
                 ["layer", "language", "model", *map(str, range(most))], rows, [None] * 3 + [1] * most)


def main(arguments: Optional[List[str]] = None) -> int:
    parser = command.parser_of("routing_shares", "Draws which experts the tokens of each language go to, in one model "
                               "or before and after.", "output of `evaluate --shares --json`: one file, or one before "
                               "and one after", "+")
    parser.add_argument("--layers", metavar="L,...", help="layers to draw (default: all that fit, evenly spaced)")

    def draw(options):
        if len(options.input) > 2:
            raise UsageError(f"{len(options.input)} files; give one, or one before and one after")
        names = ["before", "after"] if len(options.input) == 2 else [""]
        named = [(name, read_shares(path)) for name, path in zip(names, options.input)]
        return figure(named, asked_layers(options.layers, layers_of(named))), tables(named)

    return command.run(parser, draw, arguments)


def asked_layers(words: Optional[str], known: Sequence[int]) -> Optional[List[int]]:
    if words is None:
        return None
    for word in words.split(","):
        if not word.strip().isdecimal() or int(word) not in known:
            raise UsageError(f"--layers {words}: {word!r} is no layer with a router; they are "
                             f"{', '.join(map(str, known))}")
    return sorted({int(word) for word in words.split(",")})


if __name__ == "__main__":
    sys.exit(main())
