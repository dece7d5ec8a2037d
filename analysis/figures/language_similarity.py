#!/usr/bin/python3
# analysis/figures/language_similarity.py - which languages are alike: heat map, tree, families.

import sys
from pathlib import Path
from typing import Dict, List, Optional, Tuple

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import machine  # noqa: E402,F401
import numpy as np  # noqa: E402
from drawing import command, style  # noqa: E402
from drawing.linkage import Merge, average_linkage, leaf_order  # noqa: E402
from drawing.table import Table  # noqa: E402
from inputs.families import UNKNOWN, language_of  # noqa: E402
from inputs.language_similarity import LanguageSimilarity, read_language_similarity  # noqa: E402
from matplotlib import colormaps  # noqa: E402
from matplotlib.figure import Figure  # noqa: E402
from matplotlib.patches import Rectangle  # noqa: E402

TITLE = "Similarity of languages"
DIAGONAL = "#c3c9d1"
TREE_WIDTH = 1.1  # inches


def caption(similarity: LanguageSimilarity) -> str:
    return ("Cosine of the deviations of each two languages; of a language with itself it is 1 and left out. The tree "
            "joins the two nearest groups again and again (average linkage on 1 minus the cosine); its scale is the "
            "cosine at which two branches meet. To the right: genus and family of each language.")


def tree(similarity: LanguageSimilarity) -> Tuple[List[Merge], List[int]]:
    distance = 1 - similarity.matrix
    merges = average_linkage(distance)
    return merges, leaf_order(merges, distance)


def heat_map(similarity: LanguageSimilarity, order: List[int]) -> np.ma.MaskedArray:
    """The matrix in the tree's order, without its diagonal."""
    array = np.ma.array(similarity.matrix[np.ix_(order, order)])
    array[np.diag_indices(len(order))] = np.ma.masked
    return array


def figure(similarity: LanguageSimilarity) -> Figure:
    merges, order = tree(similarity)
    tags = [similarity.languages[leaf] for leaf in order]
    num = len(tags)
    cell = min(0.42, max(0.115, 4.6 / num))
    side, size = num * cell, style.label_size(cell)
    labels = style.text_width(tags, size) + 0.12
    lineages = runs_of([language_of(tag).lineage for tag in tags])
    beside = style.text_width([name for name, _, _ in lineages], min(size, style.FONT - 0.5)) + 0.45
    left, top = 0.2 + TREE_WIDTH, 0.55
    width = left + side + labels + beside
    canvas = style.figure(max(4.8, width), top + side + labels + 0.95)
    draw_tree(style.axes_at(canvas, 0.2, top, TREE_WIDTH - 0.05, side), similarity, merges, order)
    axes = style.axes_at(canvas, left, top, side, side)
    colours = colormaps[style.SEQUENTIAL].copy()
    colours.set_bad(DIAGONAL)
    drawn = axes.imshow(heat_map(similarity, order), cmap=colours, aspect="auto", interpolation="nearest")
    label_rows(axes, tags, size)
    draw_families(axes, lineages, labels / cell, size, cell)
    bar = style.axes_at(canvas, left, top + side + labels + 0.28, min(side, 3.0), 0.12)
    canvas.colorbar(drawn, cax=bar, orientation="horizontal").outline.set_visible(False)
    bar.tick_params(labelsize=style.FONT - 1.5)
    bar.set_title("cosine", fontsize=style.FONT - 1, fontweight="normal", pad=3)
    style.title(canvas, f"Similarity of {num} languages")
    return canvas


def label_rows(axes, tags: List[str], size: float) -> None:
    axes.set_xticks(range(len(tags)), tags, fontsize=size, rotation=90)
    axes.set_yticks(range(len(tags)), tags, fontsize=size)
    axes.yaxis.tick_right()
    axes.tick_params(length=0, pad=3)
    for spine in axes.spines.values():
        spine.set_visible(False)


def draw_tree(axes, similarity: LanguageSimilarity, merges: List[Merge], order: List[int]) -> None:
    num = len(order)
    row: Dict[int, float] = {leaf: float(position) for position, leaf in enumerate(order)}
    height = {leaf: leaf_height(merges) for leaf in order}
    for k, merge in enumerate(merges):
        low, high = row[merge.left], row[merge.right]
        axes.plot([height[merge.left], merge.height, merge.height, height[merge.right]], [low, low, high, high],
                  color=style.FAINT, linewidth=1, solid_joinstyle="miter", clip_on=False)
        row[num + k], height[num + k] = (low + high) / 2, merge.height
    axes.set_ylim(num - 0.5, -0.5)
    axes.set_xlim(merges[-1].height + 0.02 * (merges[-1].height - leaf_height(merges)), leaf_height(merges))
    axes.set_yticks([])
    axes.locator_params(axis="x", nbins=3)
    axes.xaxis.set_major_formatter(lambda distance, _: f"{1 - distance:.3g}")
    axes.tick_params(labelsize=style.FONT - 1.5)
    axes.set_xlabel("cosine", fontsize=style.FONT - 1)
    axes.spines["left"].set_visible(False)


def leaf_height(merges: List[Merge]) -> float:
    """Where leaves begin: a little below the first merge, because 1 may be far away."""
    first, last = merges[0].height, merges[-1].height
    return max(0.0, first - 0.15 * (last - first)) if last > first else min(0.0, first - 0.01)


def runs_of(names: List[str]) -> List[Tuple[str, int, int]]:
    """(name, first row, last row) of neighbours that are called the same."""
    runs: List[Tuple[str, int, int]] = []
    for row, name in enumerate(names):
        if runs and runs[-1][0] == name:
            runs[-1] = (name, runs[-1][1], row)
        else:
            runs.append((name, row, row))
    return runs


def draw_families(axes, lineages: List[Tuple[str, int, int]], offset: float, size: float, cell: float) -> None:
    """A colour a family, the frequent ones first; the words are beside it, so colour is never alone."""
    rows: Dict[str, int] = {}
    for name, first, last in lineages:
        family = name.split(", ")[-1]
        rows[family] = rows.get(family, 0) + last - first + 1
    ranked = sorted((family for family in rows if family != UNKNOWN), key=lambda family: (-rows[family], family))
    colour = dict(zip(ranked, style.CYCLE))
    at = sum(rows.values()) - 0.5 + offset
    for name, first, last in lineages:
        axes.add_patch(Rectangle((at, first - 0.46), 0.12 / cell, last - first + 0.92, clip_on=False, linewidth=0,
                                 color=colour.get(name.split(", ")[-1], "#b4bcc6")))
        axes.annotate(name, (at + 0.2 / cell, (first + last) / 2), annotation_clip=False, va="center", ha="left",
                      fontsize=min(size, style.FONT - 0.5))


def tables(similarity: LanguageSimilarity) -> List[Table]:
    _, order = tree(similarity)
    alone = heat_map(similarity, list(range(len(order))))
    rows = []
    for leaf in order:
        language, nearest = language_of(similarity.languages[leaf]), int(alone[leaf].argmax())
        rows.append([language.tag, language.name, language.family, language.genus, language.script,
                     similarity.languages[nearest], float(alone[leaf, nearest]), float(alone[leaf].mean())])
    columns = ["language", "name", "family", "genus", "script", "nearest", "its cosine", "mean cosine"]
    found = [Table("Languages in the order of the tree", columns, rows, [None] * 6 + [3, 3])]
    if len(order) <= 32:  # beyond that the file itself is the better table
        ordered = [similarity.languages[leaf] for leaf in order]
        matrix = similarity.matrix[np.ix_(order, order)]
        found.append(Table("Cosine of each two languages", ["", *ordered],
                           [[tag, *(float(number) for number in row)] for tag, row in zip(ordered, matrix)],
                           [None] + [2] * len(ordered)))
    return found


def main(arguments: Optional[List[str]] = None) -> int:
    parser = command.parser_of("language_similarity", "Draws the similarity of languages as heat map, with its tree "
                               "and the languages' families.", "languages and their similarity, as `group cluster` "
                               "reads them")

    def draw(options):
        similarity = read_language_similarity(options.input)
        return figure(similarity), tables(similarity)

    return command.run(parser, draw, arguments)


if __name__ == "__main__":
    sys.exit(main())
