# tests/analysis/support.py - what the tests of analysis/ stand on: its modules, and small files as runs leave them.

import json
import os
import sys
import tempfile
import unittest
from pathlib import Path

ANALYSIS = Path(__file__).resolve().parents[2] / "analysis"
SKIPPED = 77  # what ctest takes for "skipped"
sys.dont_write_bytecode = True
sys.path.insert(0, str(ANALYSIS))

try:
    import matplotlib  # noqa: F401
    import numpy  # noqa: F401
except ImportError as fault:
    print(f"skipped: {fault}; launch/setup installs it for /usr/bin/python3")
    sys.exit(SKIPPED)
matplotlib.use("agg")

DEVIATION = {"el": {"delta_norm_ffn": [1.0, 3.0, 1.5, 2.0]}, "hu": {"delta_norm_ffn": [2.0, 4.0, 2.5, 4.0]}}
LANGUAGES = {"languages": ["en", "ru", "ta", "uk"],
             "similarity": [[1, 0.1, 0.2, 0.3], [0.1, 1, 0.0, 0.9], [0.2, 0.0, 1, 0.1], [0.3, 0.9, 0.1, 1]]}
LAYERS = {"similarity": [0.5, 0.25], "new_new": [0.6, 0.3], "new_old": [0.4, 0.2],
          "languages": {"el": {"role": "new"}, "hu": {"role": "new"}, "en": {"role": "old"}}, "tokens": 9}
ALLOCATION = {"experts": [2, 4, 1], "total": 7, "new": 4, "added": [1, 3, 0], "budget": 7}
GROUPS = {"groups": [["ru", "uk"], ["en", "ta"]], "objective": 0.8}
STAGES = [("base", ["en", "es"], {"en": 2.0, "es": 2.5, "el": 4.0, "bn": 3.0123456789}),
          ("el", ["el"], {"en": 2.25, "es": 2.25, "el": 2.0, "bn": 2.5}),
          ("bn", ["bn"], {"en": 2.125, "es": 2.75, "el": 2.5, "bn": None})]
LIFELONG = {"stages": [{"name": name, "languages": languages, "bits_per_byte": scores, "new_experts": 3,
                        "growth_bytes": 1234567, "old_experts": 4, "old_experts_kept": 4, "backbone_tensors": 9,
                        "backbone_kept": 9} for name, languages, scores in STAGES]}
SHARES_BEFORE = {"checkpoint": "old", "languages": {}, "shares": {"layers": [
    {"layer": 1, "experts": 1, "generation": [0], "share": {"en": [1.0], "el": [1.0]}}]}}
SHARES_AFTER = {"checkpoint": "new", "languages": {}, "shares": {"layers": [
    {"layer": 1, "experts": 3, "generation": [0, 1, 1], "share": {"en": [0.75, 0.25, 0.0], "el": [0.125, 0.375, 0.5]},
     "class_zero": {"en": 0.5, "el": 0.25}},
    {"layer": 2, "experts": 2, "generation": [0, 1], "share": {"en": [0.25, 0.75], "el": [0.5, 0.5]}}]}}
METRICS = [{"step": 1, "tokens": 8, "loss": 5.0, "language_loss": {"en": 4.0, "el": 6.0}},
           {"step": 2, "tokens": 16, "loss": 4.0, "language_loss": {"en": 3.0}},
           {"step": 2, "valid_bits_per_byte": {"en": 2.5, "el": 3.5}},
           {"step": 3, "tokens": 24, "loss": 3.0, "language_loss": {"en": 2.0, "el": 5.0}},
           {"step": 3, "valid_bits_per_byte": {"en": 2.0, "el": 3.0}}]


def checkpoint(layers, parent=None):
    """layers: for each, (generation, group) of its experts."""
    experts = [{"experts": [{"id": e, "generation": g, "parent": -1, "group": group, "trainable": False}
                            for e, (g, group) in enumerate(layer)]} for layer in layers]
    return {"format": "isogloss checkpoint", "schema": 1, "model": {"layers": experts},
            "parent": {"path": "x", "manifest_sha256": parent} if parent else None}


CHECKPOINT = checkpoint([[(0, ""), (1, "el,hu")], [(0, ""), (0, ""), (1, "el,hu"), (2, "bn")]])


class FolderTest(unittest.TestCase):
    """A test with a folder of its own."""

    def setUp(self):
        holder = tempfile.TemporaryDirectory(prefix="isogloss-analysis-")
        self.addCleanup(holder.cleanup)
        self.folder = Path(holder.name)

    def write(self, name, value):
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        text = "".join(json.dumps(line) + "\n" for line in value) if name.endswith(".jsonl") else json.dumps(value)
        path.write_text(text, encoding="utf-8")
        return path


def main():
    os.environ.setdefault("MPLCONFIGDIR", tempfile.gettempdir())
    unittest.main(verbosity=0)
