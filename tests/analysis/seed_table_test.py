# tests/analysis/seed_table_test.py - analysis/seed_table tests.

import json
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

PROGRAM = Path(__file__).resolve().parents[2] / "analysis" / "seed_table"


def run(*arguments: object) -> "subprocess.CompletedProcess[str]":
    return subprocess.run([sys.executable, PROGRAM, *map(str, arguments)], capture_output=True, text=True)


def evaluation(**bits: float) -> str:
    return json.dumps({"languages": {tag: {"bits_per_byte": value} for tag, value in bits.items()}})


class SeedTableTest(unittest.TestCase):
    def setUp(self) -> None:
        self.folder = tempfile.TemporaryDirectory()
        self.addCleanup(self.folder.cleanup)

    def write(self, name: str, text: str) -> Path:
        path = Path(self.folder.name) / name
        path.write_text(text, encoding="utf-8")
        return path

    def row(self, output: str, name: str, column: str) -> list:
        rows = [line.split() for line in output.splitlines()]
        return next(row for row in rows if row[0] == name and row[1:1 + len(column.split())] == column.split())

    def test_means_are_over_languages_then_over_seeds(self) -> None:
        files = [self.write("grouped-1.json", evaluation(el=2.0, hu=3.0)),
                 self.write("grouped-2.json", evaluation(el=2.5, hu=3.5))]
        done = run(*files)
        self.assertEqual(done.returncode, 0, done.stderr)
        # Means 2.5 and 3.0 of the seeds; 2.75 over both; half of 3.0 - 2.5.
        self.assertEqual(self.row(done.stdout, "grouped", "all")[2:], ["2.5000", "3.0000", "2.7500", "0.2500"])

    def test_a_lifelong_run_tells_old_from_new(self) -> None:
        stages = [{"name": "base", "languages": ["en", "zh"], "new_experts": 0,
                   "bits_per_byte": {"en": 1.0, "zh": 2.0, "el": 5.0}},
                  {"name": "el", "languages": ["el"], "new_experts": 12,
                   "bits_per_byte": {"en": 1.5, "zh": 2.25, "el": 3.0}}]
        done = run(self.write("layermoe-7.json", json.dumps({"stages": stages})))
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertEqual(self.row(done.stdout, "layermoe", "new")[2], "3.0000")
        self.assertEqual(self.row(done.stdout, "layermoe", "old")[2], "1.8750")
        self.assertEqual(self.row(done.stdout, "layermoe", "forgotten")[2], "0.3750")
        self.assertEqual(self.row(done.stdout, "layermoe", "new experts")[3], "12.0000")

    def test_bad_files_are_named(self) -> None:
        for name, text, code in (("no-seed.json", evaluation(el=1.0), 2), ("cut-1.json", "{\"languages\"", 3),
                                 ("word-1.json", "{\"languages\": {\"el\": {\"bits_per_byte\": \"low\"}}}", 3),
                                 ("empty-1.json", "{\"languages\": {}}", 3)):
            with self.subTest(name):
                done = run(self.write(name, text))
                self.assertEqual(done.returncode, code, done.stderr)
                self.assertIn(name, done.stderr)
                self.assertEqual(done.stdout, "")


if __name__ == "__main__":
    unittest.main()
