#!/usr/bin/python3
# analysis/figures/language_loss.py - how the loss of each language fell.

import sys
from pathlib import Path
from typing import Dict, List, Optional, Sequence, Tuple

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import machine  # noqa: E402,F401
import numpy as np  # noqa: E402
from drawing import command, style  # noqa: E402
from drawing.table import Table  # noqa: E402
from inputs.errors import BadData, UsageError  # noqa: E402
from inputs.families import language_of  # noqa: E402
from inputs.metrics import Curve, Metrics, read_metrics  # noqa: E402
from matplotlib.figure import Figure  # noqa: E402

TITLE = "Loss of each language"
VALUES = {"loss": "training loss (nats a token)", "valid": "held-out text (bits a byte)"}
PER_PANEL = len(style.CYCLE)
Run = Tuple[str, Metrics]  # what the part of the axis is called; one after the other


def caption(runs: Sequence[Run], value: str) -> str:
    after = " Vertical lines: where a stage begins." if len(runs) > 1 else ""
    if value == "valid":
        return f"Bits per byte of held-out text, as measured while training.{after}"
    return (f"Training loss of each language, at the steps that had it, as a running mean over {window(runs)} steps. "
            f"Nats a token compare steps of one language, not languages.{after}")


def run_name(path: Path) -> str:
    """Of OUT/metrics.jsonl: OUT; of a stage's NAME/run/metrics.jsonl: NAME."""
    folder = path.resolve().parent
    return folder.parent.name if folder.name == "run" else folder.name


def window(runs: Sequence[Run]) -> int:
    return max(1, round(sum(run.last_step for _, run in runs) / 60))


def starts(runs: Sequence[Run]) -> List[int]:
    """Steps before each run."""
    return [int(start) for start in np.cumsum([0] + [run.last_step for _, run in runs])[:-1]]


def running_mean(curve: Curve, width: int) -> Curve:
    """At each step the mean of the values at the last `width` steps up to it."""
    steps, values = curve
    total = np.concatenate([[0.0], np.cumsum(values)])
    first = np.searchsorted(steps, steps - width, side="right")
    last = np.arange(1, len(steps) + 1)
    return steps, (total[last] - total[first]) / (last - first)


def pieces(runs: Sequence[Run], value: str) -> Dict[str, List[Curve]]:
    """language -> its curve in each run that has it, the steps counted over all runs."""
    found: Dict[str, List[Curve]] = {}
    for start, (_, run) in zip(starts(runs), runs):
        for language, curve in getattr(run, value).items():
            steps, values = running_mean(curve, window(runs)) if value == "loss" else curve
            found.setdefault(language, []).append((steps + start, values))
    return found


def panels(runs: Sequence[Run], languages: Sequence[str]) -> List[Tuple[str, List[str]]]:
    """Languages that appeared in the same run share panels, as many languages a panel as there are colours."""
    found = []
    seen: set = set()
    for name, run in runs:
        new = [language for language in run.languages if language in languages and language not in seen]
        seen.update(new)
        parts = -(-len(new) // PER_PANEL)
        for part in range(parts):
            share = new[part * len(new) // parts:(part + 1) * len(new) // parts]
            first = f"learned in {name}" if len(runs) > 1 else ""
            span = f"{share[0]} to {share[-1]}" if parts > 1 else ""
            found.append((", ".join(filter(None, (first, span))), share))
    return found


def figure(runs: Sequence[Run], value: str = "loss") -> Figure:
    curves = pieces(runs, value)
    if not curves:
        raise BadData(f"no {VALUES[value]} of any language; set train.evaluate-every to have some")
    shown = panels(runs, list(curves))
    columns = 1 if len(shown) == 1 else 2 if len(shown) <= 4 else 3
    rows = -(-len(shown) // columns)
    width, height = {1: (5.7, 2.9), 2: (3.1, 2.3), 3: (2.6, 2.1)}[columns]
    across = width + style.text_width(list(curves), style.FONT) + 0.6  # with the legend beside it
    top = 0.5 if len(shown) == 1 else 0.75
    canvas = style.figure(0.75 + columns * across, top + rows * (height + 0.6))
    low, high = limits(curves)
    for i, (name, languages) in enumerate(shown):
        column, row = i % columns, i // columns
        axes = style.axes_at(canvas, 0.65 + column * across, top + row * (height + 0.6), width, height)
        draw_panel(axes, languages, curves, starts(runs))
        axes.set_title(name, fontsize=style.FONT - 0.5)
        axes.set_ylim(low, high)
        axes.set_xlim(0, sum(run.last_step for _, run in runs) or 1)
        if i + columns >= len(shown):
            axes.set_xlabel("step")
        if column == 0:
            axes.set_ylabel(VALUES[value])
        else:
            axes.tick_params(labelleft=False)
    style.title(canvas, f"{TITLE}: {VALUES[value]}")
    return canvas


def limits(curves: Dict[str, List[Curve]]) -> Tuple[float, float]:
    """All panels share them."""
    values = np.concatenate([curve[1] for parts in curves.values() for curve in parts])
    margin = 0.05 * max(values.max() - values.min(), 1e-6)
    return values.min() - margin, values.max() + margin


def draw_panel(axes, languages: Sequence[str], curves: Dict[str, List[Curve]], boundaries: Sequence[int]) -> None:
    for boundary in boundaries[1:]:
        axes.axvline(boundary, color=style.FAINT, linewidth=0.8)
    for i, language in enumerate(languages):
        for part, (steps, values) in enumerate(curves[language]):
            axes.plot(steps, values, color=style.CYCLE[i], linestyle=style.DASHES[i % len(style.DASHES)], linewidth=1.4,
                      marker="o" if len(steps) < 4 else None, markersize=3, label=language if part == 0 else None)
    axes.grid(axis="y")
    axes.legend(loc="upper left", bbox_to_anchor=(1.0, 1.04), handlelength=1.8, labelspacing=0.35, borderaxespad=0.3,
                handletextpad=0.5)


def tables(runs: Sequence[Run], value: str = "loss") -> List[Table]:
    languages = sorted({language for _, run in runs for language in getattr(run, value)})
    what = f"first and last {VALUES[value]}, means over {window(runs)} steps" if value == "loss" else VALUES[value]
    rows: List[list] = []
    for language in languages:
        row: List[object] = [language, language_of(language).name]
        for _, run in runs:
            curve = getattr(run, value).get(language)
            if curve is None:
                row += [None, None, None]
                continue
            smooth = running_mean(curve, window(runs) if value == "loss" else 1)[1]
            row += [len(curve[0]), float(smooth[0]), float(smooth[-1])]
        rows.append(row)
    columns = ["language", "name"]
    for name, _ in runs:
        prefix = f"{name}: " if len(runs) > 1 else ""
        columns += [f"{prefix}steps", f"{prefix}first", f"{prefix}last"]
    return [Table(f"{TITLE}: {what}", columns, rows, [None, None] + [None, 3, 3] * len(runs))]


def main(arguments: Optional[List[str]] = None) -> int:
    parser = command.parser_of("language_loss", "Draws the loss of each language over the steps of a run, or of "
                               "several runs that follow one another.", "metrics.jsonl of a run", "+")
    parser.add_argument("--value", choices=sorted(VALUES), default="loss",
                        help="training loss, or held-out bits per byte (default: %(default)s)")

    def draw(options):
        runs = [(run_name(path), read_metrics(path)) for path in options.input]
        if len({path.resolve() for path in options.input}) < len(runs):
            raise UsageError("a file is named twice; give each run once")
        return figure(runs, options.value), tables(runs, options.value)

    return command.run(parser, draw, arguments)


if __name__ == "__main__":
    sys.exit(main())
