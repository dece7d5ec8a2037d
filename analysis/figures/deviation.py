#!/usr/bin/python3
# analysis/figures/deviation.py - how far each layer moved in the probes, and which layers get experts.

import sys
from pathlib import Path
from typing import List, Optional

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import machine  # noqa: E402,F401
import numpy as np  # noqa: E402
from drawing import command, style  # noqa: E402
from drawing.table import Table  # noqa: E402
from inputs.deviation import Deviation, read_deviation  # noqa: E402
from inputs.errors import UsageError  # noqa: E402
from matplotlib.figure import Figure  # noqa: E402

TITLE = "Deviation per layer"
THRESHOLD = 0.6  # DMoE's


def caption(deviation: Deviation, threshold: float) -> str:
    chosen = deviation.chosen(threshold)
    return (f"How far a short fine-tune moves the feed-forward weights of each layer: mean of the 2-norms over "
            f"{len(deviation.languages)} languages, and one standard deviation to each side. A layer gets experts "
            f"where the mean, scaled to 0 to 1 over the layers, is at least {threshold:g}: {len(chosen)} of "
            f"{deviation.norms.shape[1]} layers, mask {mask(chosen)}.")


def mask(layers: np.ndarray) -> int:
    return sum(1 << int(layer) for layer in layers)


def figure(deviation: Deviation, threshold: float = THRESHOLD) -> Figure:
    num_layers = deviation.norms.shape[1]
    layers, mean, spread = np.arange(num_layers), deviation.mean, deviation.spread
    chosen = deviation.chosen(threshold)
    low, high = mean.min(), mean.max()
    canvas = style.figure(style.WIDTH, 3.9)
    axes = style.axes_at(canvas, 0.8, 0.65, style.WIDTH - 1.65, 2.7)

    for layer in chosen:
        axes.axvspan(layer - 0.5, layer + 0.5, color=style.CYCLE[4], alpha=0.16, linewidth=0)
    axes.fill_between(layers, mean - spread, mean + spread, color=style.CYCLE[0], alpha=0.18, linewidth=0,
                      label="± 1 standard deviation over languages")
    axes.plot(layers, mean, color=style.CYCLE[0])
    others = np.setdiff1d(layers, chosen)
    axes.plot(chosen, mean[chosen], "o", color=style.CYCLE[1], label="mean, chosen layer")
    axes.plot(others, mean[others], "o", markerfacecolor="white", color=style.CYCLE[0], label="mean, other layer")
    axes.axhline(low + threshold * (high - low), color=style.INK, linestyle=(0, (4, 2)), linewidth=1,
                 label=f"threshold {threshold:g}")
    axes.grid(axis="y")
    style.layer_axis(axes, num_layers)
    axes.set_ylabel("2-norm of the change")
    right = axes.secondary_yaxis("right", functions=(lambda m: (m - low) / (high - low),
                                                     lambda z: low + z * (high - low)))
    right.set_ylabel("scaled to 0 to 1 over layers")
    right.set_yticks([0, 0.2, 0.4, 0.6, 0.8, 1])
    canvas.legend(*axes.get_legend_handles_labels(), loc="upper left", ncol=4, columnspacing=1.4, handlelength=1.6,
                  bbox_to_anchor=(0.01, 0.91))
    style.title(canvas, f"{TITLE}, {len(deviation.languages)} languages")
    return canvas


def tables(deviation: Deviation, threshold: float = THRESHOLD) -> List[Table]:
    chosen = set(deviation.chosen(threshold).tolist())
    rows = [[layer, float(deviation.mean[layer]), float(deviation.spread[layer]), float(deviation.normalised[layer]),
             "yes" if layer in chosen else ""] for layer in range(deviation.norms.shape[1])]
    return [Table(f"Deviation per layer, threshold {threshold:g}",
                  ["layer", "mean", "standard deviation", "scaled", "chosen"], rows, [None, 6, 6, 3, None])]


def main(arguments: Optional[List[str]] = None) -> int:
    parser = command.parser_of("deviation", "Draws the deviation of each layer, the threshold and the chosen layers.",
                               "deviations of `group probe`: language -> delta_norm_ffn")
    parser.add_argument("--threshold", type=float, default=THRESHOLD, metavar="X",
                        help="layers from this scaled deviation on are chosen, 0 to 1 (default: %(default)s)")

    def draw(options):
        if not 0 <= options.threshold <= 1:
            raise UsageError(f"--threshold {options.threshold:g}: must be from 0 to 1")
        deviation = read_deviation(options.input)
        return figure(deviation, options.threshold), tables(deviation, options.threshold)

    return command.run(parser, draw, arguments)


if __name__ == "__main__":
    sys.exit(main())
