# analysis/drawing/style.py - sizes, fonts and colours that all figures share.

import io
from pathlib import Path
from typing import List, Tuple

import matplotlib
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.figure import Figure

from inputs.errors import MachineError, UsageError

WIDTH = 7.4  # inches of a figure whose size does not follow its content
FONT = 9.0  # points
POINTS = 72.0  # an inch
FORMATS = (".svg", ".png", ".pdf")

INK, FAINT, GRID = "#1c2530", "#6b7682", "#dfe3e8"
# Okabe and Ito's colours, which people with any colour vision tell apart; darker ones first.
CYCLE = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#3b4754", "#b8ad00")
GENERATIONS = ("#3b4754", "#e69f00", "#0072b2", "#d55e00", "#009e73", "#cc79a7", "#56b4e9")
DASHES: Tuple[object, ...] = ("-", (0, (5, 1.5)), (0, (1.5, 1)), (0, (6, 1.5, 1.5, 1.5)))
SEQUENTIAL, DIVERGING = "YlGnBu", "PuOr"  # PuOr reversed where above 0 is a loss

matplotlib.rcParams.update({
    "font.family": "DejaVu Sans", "font.size": FONT, "axes.titlesize": FONT + 1, "axes.titleweight": "bold",
    "axes.titlelocation": "left", "axes.labelsize": FONT, "legend.fontsize": FONT - 0.5, "legend.frameon": False,
    "axes.edgecolor": FAINT, "axes.labelcolor": INK, "text.color": INK, "xtick.color": INK, "ytick.color": INK,
    "axes.grid": False, "grid.color": GRID, "grid.linewidth": 0.8, "axes.axisbelow": True,
    "axes.spines.top": False, "axes.spines.right": False, "lines.linewidth": 1.6, "savefig.dpi": 160,
    "svg.hashsalt": "isogloss", "svg.fonttype": "path",  # equal input gives equal bytes, and any viewer the same
})


def figure(width: float, height: float) -> Figure:
    """An empty figure of so many inches."""
    return Figure(figsize=(width, height), facecolor="white")


def axes_at(canvas: Figure, left: float, top: float, width: float, height: float) -> Axes:
    """Axes at a place in inches from the left and upper edges."""
    total_width, total_height = canvas.get_size_inches()
    return canvas.add_axes((left / total_width, 1 - (top + height) / total_height, width / total_width,
                            height / total_height))


def title(canvas: Figure, text: str) -> None:
    canvas.text(0.12 / canvas.get_figwidth(), 1 - 0.1 / canvas.get_figheight(), text, ha="left", va="top",
                fontsize=FONT + 2, fontweight="bold")


def label_size(cell: float) -> float:
    """Points of a label beside a row of `cell` inches."""
    return max(4.5, min(FONT, cell * POINTS * 0.82))


def text_width(texts: List[str], size: float) -> float:
    """Inches that the longest text needs, a little generously: DejaVu Sans is about 0.6 of its size wide."""
    return max((len(text) for text in texts), default=0) * size * 0.6 / POINTS


def layer_axis(axes: Axes, num_layers: int) -> None:
    """The x axis of figures over layers: whole numbers, no more than fit."""
    step = next(step for step in (1, 2, 4, 5, 10, 20, 50, 100, 200, 500, 1000) if num_layers / step <= 36)
    axes.set_xticks(range(0, num_layers, step))
    axes.set_xlim(-0.6, num_layers - 0.4)
    axes.set_xlabel("layer")


def colour_bar(canvas: Figure, drawn: ScalarMappable, axes: Axes, label: str) -> None:
    bar = canvas.colorbar(drawn, cax=axes)
    bar.set_label(label, fontsize=FONT - 1)
    bar.ax.tick_params(labelsize=FONT - 1.5)
    bar.outline.set_visible(False)


def generation_colour(generation: int) -> str:
    """Of experts: the base model's, then those of each growth."""
    return GENERATIONS[generation % len(GENERATIONS)]


def dark(colour: Tuple[float, ...]) -> bool:
    """Whether white text reads better than black on it (relative luminance of sRGB, roughly)."""
    red, green, blue = colour[:3]
    return 0.299 * red + 0.587 * green + 0.114 * blue < 0.5


def image(canvas: Figure, suffix: str = ".svg") -> bytes:
    """The figure as a file's bytes: equal figures give equal bytes."""
    undated = {".svg": {"Date": None, "Creator": None}, ".png": {"Software": None}, ".pdf": {"CreationDate": None}}
    stream = io.BytesIO()
    canvas.savefig(stream, format=suffix[1:], metadata=undated[suffix])
    return stream.getvalue()


def save(canvas: Figure, path: Path) -> None:
    if path.suffix not in FORMATS:
        raise UsageError(f"--out {path}: the name must end in one of {', '.join(FORMATS)}")
    write_whole(path, image(canvas, path.suffix))


def write_whole(path: Path, content: bytes) -> None:
    """A reader sees the old file or the new one, never a part."""
    partial = path.with_name(path.name + ".partial")
    try:
        partial.write_bytes(content)
        partial.replace(path)
    except OSError as fault:
        raise MachineError(f"{path}: cannot be written ({fault.strerror}); choose another place") from fault
