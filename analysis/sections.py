# analysis/sections.py - from what a folder holds to the parts of its page, and to what is missing.

from pathlib import Path
from typing import Callable, List, Optional, Sequence, Tuple

from drawing.style import image
from drawing.table import Table
from figures import (allocation, deviation, forgetting, language_loss, language_similarity, layer_similarity,
                     routing_shares)
from inputs.families import language_of
from inputs.find import File, Found
from inputs.lifelong import Lifelong
from page import Section

MAX_PAIRS = 8  # routing shares before and after: later ones of a long life

# figure -> (its title, what it is drawn from)
NEEDS = {
    "forgetting": (forgetting.TITLE, "summary.json of `isogloss lifelong`"),
    "language_loss": (language_loss.TITLE, "metrics.jsonl of `isogloss train`"),
    "valid": ("Held-out loss of each language", "two validations or more in metrics.jsonl; set train.evaluate-every"),
    "allocation": (allocation.TITLE, "a checkpoint with several experts, or `isogloss expand allocate --json`"),
    "routing_shares": (routing_shares.TITLE, "`isogloss evaluate --shares --out FILE`, of a model with several experts"),
    "deviation": (deviation.TITLE, "the deviations of `isogloss group probe`"),
    "layer_similarity": (layer_similarity.TITLE, "`isogloss expand similarity --json`"),
    "language_similarity": (language_similarity.TITLE, "the similarity of `isogloss group probe`"),
    "groups": ("Groups of languages", "`isogloss group cluster --json`"),
}


class Builder:
    """Makes the sections in the order of NEEDS; `left_out` has a line for each kind that none came of."""

    def __init__(self, folder: Path, found: Found, threshold: float):
        self.folder, self.found, self.threshold = folder, found, threshold
        self.sections: List[Section] = []
        self.left_out: List[str] = []

    def build(self) -> None:
        for kind, (title, need) in NEEDS.items():
            before = len(self.sections)
            reason = getattr(self, f"add_{kind}")()
            if len(self.sections) == before:
                self.left_out.append(f"{title}: {reason or f'needs {need}'}")

    def name(self, path: Path) -> str:
        return path.relative_to(self.folder).as_posix()

    def add(self, kind: str, source: str, caption: str, canvas, tables: Sequence[Table], part: str = "") -> None:
        same = sum(section.anchor.split("-")[0] == kind for section in self.sections)
        title = NEEDS[kind][0] + (f": {part}" if part else "")
        self.sections.append(Section(f"{kind}-{same + 1}", title, source, caption, image(canvas) if canvas else b"",
                                     list(tables)))

    def each(self, kind: str, draw: Callable) -> None:
        """A section for each file of a form; `draw` gives caption, figure and tables of its content."""
        files = self.found.of(kind)
        for file in files:
            source = self.name(file.path)
            self.add(kind, source, *draw(file.content), part=source if len(files) > 1 else "")

    def add_forgetting(self) -> None:
        for file in self.found.of("lifelong"):
            run: Lifelong = file.content
            self.add("forgetting", self.name(file.path), forgetting.caption(run), forgetting.figure(run),
                     forgetting.tables(run))

    def add_language_loss(self) -> None:
        self.add_loss("language_loss", "loss")

    def add_valid(self) -> None:
        self.add_loss("valid", "valid")

    def add_loss(self, kind: str, value: str) -> None:
        parts = self.runs()
        for files, runs in parts:
            points = max((len(steps) for _, run in runs for steps, _ in getattr(run, value).values()), default=0)
            if points >= (2 if value == "valid" else 1):
                first = self.name(files[0].path)
                source = ", ".join(self.name(file.path) for file in files)
                self.add(kind, source, language_loss.caption(runs, value), language_loss.figure(runs, value),
                         language_loss.tables(runs, value), part=first if len(parts) > 1 else "")

    def runs(self) -> List[Tuple[List[File], List[language_loss.Run]]]:
        """The stages of a lifelong run belong together, in order; any other run stands alone."""
        left = list(self.found.of("metrics"))
        parts = []
        for lifelong in self.found.of("lifelong"):
            places = {lifelong.path.parent / stage.name: stage.name for stage in lifelong.content.stages}
            staged = [(file, name) for place, name in places.items() for file in left if place in file.path.parents]
            if staged:
                left = [file for file in left if file not in [its for its, _ in staged]]
                parts.append(([file for file, _ in staged], [(name, file.content) for file, name in staged]))
        return parts + [([file], [(language_loss.run_name(file.path), file.content)]) for file in left]

    def add_allocation(self) -> Optional[str]:
        files = self.found.of("checkpoint") + self.found.of("allocation")
        shown = [file for file in files if file.content.experts.sum(axis=0).max() > 1]
        for file in shown:
            self.add("allocation", self.name(file.path), allocation.caption(file.content),
                     allocation.figure(file.content), allocation.tables(file.content),
                     part=self.name(file.path) if len(shown) > 1 else "")
        return "every layer of the model has one expert" if files and not shown else None

    def add_routing_shares(self) -> None:
        """Each model beside the one before it."""
        files = sorted(self.found.of("shares"), key=self.age)
        pairs: List[Tuple[File, ...]] = list(zip(files, files[1:]))[-MAX_PAIRS:] or [(file,) for file in files]
        for pair in pairs:
            names = ["before", "after"] if len(pair) == 2 else [""]
            stages = [self.stage_of(file)[1] for file in pair]
            if all(stages):
                names = [f"after {stage}" for stage in stages]
            named = [(name, file.content) for name, file in zip(names, pair)]
            source = ", then ".join(self.name(file.path) for file in pair)
            layers = routing_shares.chosen_layers(named)
            self.add("routing_shares", source, routing_shares.caption(named, layers),
                     routing_shares.figure(named, layers), routing_shares.tables(named),
                     part=(stages[-1] or self.name(pair[-1].path)) if len(pairs) > 1 else "")

    def stage_of(self, file: File) -> Tuple[int, str]:
        """Number and name of the stage in whose folder a file is; (-1, "") outside of a lifelong run."""
        for lifelong in self.found.of("lifelong"):
            for number, stage in enumerate(lifelong.content.stages):
                if lifelong.path.parent / stage.name in file.path.parents:
                    return number, stage.name
        return -1, ""

    def age(self, file: File) -> Tuple[int, int, int, str]:
        """Of the model that was measured: stage, growths, experts; then the file's name."""
        layers = file.content.layers
        return (self.stage_of(file)[0], max(int(its.generation.max()) for its in layers),
                sum(len(its.generation) for its in layers), self.name(file.path))

    def add_deviation(self) -> None:
        self.each("deviation", lambda its: (deviation.caption(its, self.threshold),
                                            deviation.figure(its, self.threshold),
                                            deviation.tables(its, self.threshold)))

    def add_layer_similarity(self) -> None:
        self.each("layer_similarity", lambda its: (layer_similarity.caption(its), layer_similarity.figure(its),
                                                   layer_similarity.tables(its)))

    def add_language_similarity(self) -> None:
        self.each("language_similarity", lambda its: (language_similarity.caption(its), language_similarity.figure(its),
                                                      language_similarity.tables(its)))

    def add_groups(self) -> None:
        def describe(its) -> Tuple[str, None, List[Table]]:
            rows = [[g, ", ".join(group), ", ".join(dict.fromkeys(language_of(tag).family for tag in group))]
                    for g, group in enumerate(its.groups)]
            return (f"The largest distance, 1 minus cosine, within a group is {its.objective:.4g}.", None,
                    [Table("Groups", ["expert", "languages", "families"], rows)])

        self.each("groups", describe)
