#!/usr/bin/python3
# analysis/figures/layer_similarity.py - how alike new and old languages are in each layer.

import sys
from pathlib import Path
from typing import List, Optional

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import machine  # noqa: E402,F401
import numpy as np  # noqa: E402
from drawing import command, style  # noqa: E402
from drawing.table import Table  # noqa: E402
from inputs.layer_similarity import LayerSimilarity, read_layer_similarity  # noqa: E402
from matplotlib.figure import Figure  # noqa: E402

TITLE = "Similarity per layer"


def caption(similarity: LayerSimilarity) -> str:
    of = ""
    if similarity.new_languages and similarity.old_languages:
        of = (f" New: {', '.join(similarity.new_languages)}. Old: {', '.join(similarity.old_languages)}.")
    return ("Mean cosine between the feed-forward inputs of tokens of two languages, averaged over pairs of new "
            "languages, over pairs of a new and an old one, and S, the mean of both: a layer gets new experts in "
            f"proportion to 1/S.{of}")


def curves(similarity: LayerSimilarity) -> List[tuple]:
    named = [("new with new", similarity.new_new, style.CYCLE[2], style.DASHES[1], "s"),
             ("new with old", similarity.new_old, style.CYCLE[1], style.DASHES[2], "^"),
             ("S, their mean", similarity.combined, style.CYCLE[0], "-", "o")]
    return [curve for curve in named if curve[1] is not None]


def figure(similarity: LayerSimilarity) -> Figure:
    num_layers = len(similarity.combined)
    canvas = style.figure(style.WIDTH, 3.6)
    axes = style.axes_at(canvas, 0.8, 0.65, style.WIDTH - 1.0, 2.4)
    for label, values, colour, dashes, marker in curves(similarity):
        axes.plot(np.arange(num_layers), values, color=colour, linestyle=dashes, marker=marker, markersize=4,
                  label=label)
    axes.grid(axis="y")
    style.layer_axis(axes, num_layers)
    axes.set_ylim(bottom=min(0.0, axes.get_ylim()[0]))
    axes.set_ylabel("mean cosine")
    canvas.legend(*axes.get_legend_handles_labels(), loc="upper left", ncol=3, handlelength=2.6,
                  bbox_to_anchor=(0.01, 0.91))
    style.title(canvas, TITLE)
    return canvas


def tables(similarity: LayerSimilarity) -> List[Table]:
    shown = curves(similarity)
    rows = [[layer, *(float(values[layer]) for _, values, *_ in shown)] for layer in range(len(similarity.combined))]
    return [Table(TITLE, ["layer", *(label for label, *_ in shown)], rows, [None] + [4] * len(shown))]


def main(arguments: Optional[List[str]] = None) -> int:
    parser = command.parser_of("layer_similarity", "Draws the similarity of new and old languages layer by layer.",
                               "output of `expand similarity --json`, or {\"similarity\": [S of each layer]}")

    def draw(options):
        similarity = read_layer_similarity(options.input)
        return figure(similarity), tables(similarity)

    return command.run(parser, draw, arguments)


if __name__ == "__main__":
    sys.exit(main())
