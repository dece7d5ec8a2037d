# tests/analysis/program_test.py - claims about the report of a real run: what the program wrote is what the page says.

import json
import os
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

import support
from report_test import PageReader, run

PROGRAM = os.environ.get("ISOGLOSS_TEST_PROGRAM", "")
SENTENCES = {"en": "the river runs past the old mill and the road follows it",
             "es": "el río pasa junto al viejo molino",
             "el": "το ποτάμι περνά δίπλα στον παλιό μύλο", "tr": "nehir eski değirmenin yanından geçer"}
PLAN = {"corpus": "corpus", "out": "run",
        "model": {"model.width": 32, "model.layers": 2, "model.heads": 2, "model.ffn-hidden": 48,
                  "model.experts": 2, "model.max-positions": 64},
        "defaults": {"train.rows": 4, "train.row-length": 32, "train.warmup-steps": 1, "train.checkpoint-every": 3,
                     "train.evaluate-every": 3, "train.evaluate-tokens": 64},
        "stages": [{"name": "base", "languages": ["en", "es"], "options": {"train.steps": 6}},
                   {"name": "el-tr", "languages": ["el", "tr"], "expand": {"experts": [2, 1]},
                    "options": {"train.steps": 6}}]}


def isogloss(folder, *words):
    done = subprocess.run([PROGRAM, *words], cwd=folder, capture_output=True, text=True, check=False, timeout=200)
    if done.returncode:
        raise AssertionError(f"isogloss {' '.join(words)}: exit {done.returncode}\n{done.stdout}\n{done.stderr}")
    return done.stdout


class LifelongRunTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.holder = tempfile.TemporaryDirectory(prefix="isogloss-analysis-")
        cls.addClassCleanup(cls.holder.cleanup)
        cls.folder = Path(cls.holder.name)
        (cls.folder / "text").mkdir()
        for tag, sentence in SENTENCES.items():
            lines = [json.dumps({"text": f"{sentence} {i}. {sentence}", "id": f"{tag}-{i}"}) for i in range(60)]
            (cls.folder / "text" / f"{tag}.jsonl").write_text("\n".join(lines) + "\n", encoding="utf-8")
        (cls.folder / "plan.json").write_text(json.dumps(PLAN))
        isogloss(cls.folder, "corpus", "build", "--input", "text", "--tokenizer", "bytes", "--out", "corpus",
                 "--valid-share", "0.1", "--licence", "CC0-1.0")
        isogloss(cls.folder, "lifelong", "plan.json")
        cls.done = run("report", cls.folder / "run")
        cls.page = PageReader((cls.folder / "run" / "report.html").read_text(encoding="utf-8"))

    def test_all_figures_of_a_lifelong_run_are_there(self):
        self.assertEqual(self.done.returncode, 0, self.done.stderr)
        self.assertEqual(self.page.headings[:5],
                         ["Forgetting over the stages", "Loss of each language",
                          "Held-out loss of each language", "Experts per layer", "Routing shares"])
        self.assertEqual(len(self.page.pictures), 5)

    def test_scores_are_those_of_the_summary(self):
        summary = json.loads((self.folder / "run" / "summary.json").read_text())
        rows = self.page.tables["Bits per byte after each stage"]
        self.assertEqual([row[0] for row in rows], ["en", "es", "el", "tr"])
        for row in rows:
            self.assertEqual(row[3:5], [stage["bits_per_byte"][row[0]] for stage in summary["stages"]])
            expected = row[4] - row[3] if row[0] in ("en", "es") else ""
            self.assertEqual(row[5], expected)

    def test_experts_are_those_that_the_program_lists(self):
        checkpoint = sorted((self.folder / "run" / "el-tr" / "run" / "checkpoints").iterdir())[-1]
        manifest = json.loads((checkpoint / "manifest.json").read_text())
        counts = [len(layer["experts"]) for layer in manifest["model"]["layers"]]
        self.assertEqual(counts, [4, 3])
        self.assertEqual(self.page.tables["Experts per layer"],
                         [["0", "2", "2", "4"], ["1", "2", "1", "3"], ["all", "4", "3", "7"]])

    def test_losses_are_those_of_the_metrics(self):
        lines = (self.folder / "run" / "base" / "run" / "metrics.jsonl").read_text().splitlines()
        first = next(record for record in map(json.loads, lines) if "language_loss" in record)["language_loss"]
        title = next(title for title in self.page.tables if title.startswith("Loss of each language: first"))
        rows = {row[0]: row for row in self.page.tables[title]}
        self.assertEqual(set(rows), {"en", "es", "el", "tr"})
        for language, loss in first.items():
            self.assertEqual(rows[language][3], loss)  # first of the base; the mean over 1 step is the step
        self.assertEqual(rows["el"][2:5], ["", "", ""])


if __name__ == "__main__":
    if not Path(PROGRAM).is_file():
        print("skipped: ISOGLOSS_TEST_PROGRAM names no program; run it through ctest")
        sys.exit(support.SKIPPED)
    support.main()
